import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@urbanbloom/local/ports'
import { repository, type ServiceName, serviceNames } from '@urbanbloom/local/programs'
import { request } from '@urbanbloom/test-kit/http'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseExposition, type Series } from '../src/exposition.ts'
import { liveThroughADay } from '../src/journey.ts'
import { type CataloguedMetric, metricCatalogue, runtimeMetrics } from '../src/metric-catalogue.ts'

/**
 * How many series one process may have after a day on which everything has happened. A figure by order, by person or
 * by path would pass these in an hour; a service that has grown honestly gets a new budget here.
 */
const budgets: Record<ServiceName, number> = {
  gateway: 900,
  'delivery-routing': 800,
  order: 600,
  auth: 450,
  inventory: 450,
  payment: 450,
}

const users = {
  database: ['auth', 'inventory', 'order', 'payment', 'delivery-routing'],
  queue: ['inventory', 'order', 'payment', 'delivery-routing'],
  redis: ['gateway', 'auth', 'inventory', 'delivery-routing'],
}

let system: System
let exposed: Record<string, Series[]>

beforeAll(async () => {
  const port = await freePort()
  system = await startSystem({ env: { gateway: { METRICS_PORT: String(port) } } })
  await liveThroughADay(system)
  const urlOf = (service: ServiceName) =>
    service === 'gateway' ? `http://127.0.0.1:${port}` : system.urlOf(service)
  const pages = serviceNames.map(async (service) => {
    const { body } = await request<string>('GET', `${urlOf(service)}/metrics`)
    return [service, parseExposition(body)] as const
  })
  exposed = Object.fromEntries(await Promise.all(pages))
})
afterAll(() => system?.close())

describe.each(serviceNames)('%s', (service) => {
  test('stays within its budget of series and says whose they are', () => {
    expect(exposed[service]!.length).toBeLessThan(budgets[service])
    expect(exposed[service]!.length).toBeGreaterThan(100)
    expect(exposed[service]!.filter(({ labels }) => labels.service !== service)).toEqual([])
  })

  test('has no figure and no value of a label that the catalogue does not know', () => {
    expect(exposed[service]!.flatMap((series) => strangeness(series))).toEqual([])
  })

  test('reports what the catalogue says it does', () => {
    const names = new Set(exposed[service]!.map(familyOf))
    const expected = Object.entries(metricCatalogue).filter(([, metric]) => reports(service, metric))
    const missing = expected.filter(([name]) => !names.has(name)).map(([name]) => name)
    expect(missing.filter((name) => !onlyInTrouble.has(name))).toEqual([])
  })
})

test('the journey shows in the figures of the business', () => {
  expect(sum('orders_total', { outcome: 'confirmed' })).toBe(4)
  expect(sum('orders_total', { outcome: 'payment_declined' })).toBeGreaterThanOrEqual(1)
  expect(sum('stock_refusals_total', { reason: 'out_of_stock' })).toBe(1)
  expect(sum('stop_outcomes_total', { outcome: 'delivered' })).toBe(2)
  expect(sum('payment_transitions_total', { status: 'captured' })).toBe(3)
  expect(sum('saga_steps_total', { step: 'reserve_stock', outcome: 'refused' })).toBe(1)
  expect(sum('cache_reads_total', { cache: 'product', outcome: 'hit' })).toBeGreaterThanOrEqual(1)
  expect(sum('active_users', { within: '15m' })).toBeGreaterThanOrEqual(1)
  expect(sum('plan_gap_ratio_sum', {})).toBeGreaterThan(0)
  expect(sum('ledger_mismatches', {})).toBe(0)
})

test('docs/observability.md explains every figure of the catalogue', () => {
  const page = readFileSync(join(repository, 'docs/observability.md'), 'utf8')
  expect(Object.keys(metricCatalogue).filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})

/** What has no series before its first occasion, which a good day does not give. */
const onlyInTrouble = new Set([
  'gateway_upstream_failures_total',
  'gateway_rate_limited_total',
  'payment_provider_failures_total',
  'osrm_requests_total',
  'travel_matrices_total',
  'tls_certificate_expiry_timestamp_seconds',
  'auth_refreshes_total',
  'payment_reconciliation_mismatches',
  'payment_reconciliation_timestamp_seconds',
])

function reports(service: ServiceName, { from }: CataloguedMetric): boolean {
  if (from === 'every') return true
  if (from in users) return users[from as keyof typeof users].includes(service)
  return from.split(', ').includes(service)
}

function familyOf({ name }: Series): string {
  return name in metricCatalogue ? name : name.replace(/_(bucket|sum|count)$/, '')
}

const routes = patternsInTheCode()

/** What is wrong with a series, in words; empty when nothing is. */
function strangeness(series: Series): string[] {
  const { service: _, le: _le, ...labels } = series.labels
  if (runtimeMetrics.test(series.name)) return []
  const metric = metricCatalogue[familyOf(series)]
  if (metric === undefined) return [`${series.name} is not in src/metric-catalogue.ts`]
  return Object.entries(labels).flatMap(([label, value]) => {
    const allowed = metric.labels?.[label]
    const isKnown =
      allowed === 'route'
        ? value === 'unmatched' || routes.has(value) || value.startsWith('/docs')
        : allowed === 'status'
          ? /^[1-5]\d\d$/.test(value)
          : allowed?.includes(value)
    return isKnown ? [] : [`${series.name}{${label}="${value}"} is not in src/metric-catalogue.ts`]
  })
}

/** Every path that stands as a constant in the code: the only ones that may become a label. */
function patternsInTheCode(): Set<string> {
  const folders = [...serviceNames.map((name) => `services/${name}/src`), 'packages/service-kit/src']
  const texts = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(repository, folder, file), 'utf8')),
  )
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/'(\/[^'\s]*)'/g)].map(([, path]) => String(path))),
  )
}

function sum(name: string, labels: Record<string, string>): number {
  const matching = Object.values(exposed)
    .flat()
    .filter((series) => series.name === name)
    .filter((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
  return matching.reduce((total, { value }) => total + value, 0)
}
