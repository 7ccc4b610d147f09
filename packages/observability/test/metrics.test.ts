import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@urbanbloom/local/ports'
import { repository, type ServiceName, serviceNames } from '@urbanbloom/local/programs'
import { request } from '@urbanbloom/test-kit/http'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseExposition, type Series } from '../src/exposition.ts'
import { constantsOfTheCode, runtimeFigures } from '../src/figures.ts'
import { liveThroughADay } from '../src/journey.ts'
import { readRules } from '../src/rule-files.ts'

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

/** What each service has to report after such a day, beside what all of them do. */
const required: Record<ServiceName, readonly string[]> = {
  gateway: ['redis_up', 'gateway_upstream_in_flight'],
  auth: [...database(), 'redis_up', 'active_users', 'auth_logins_total', 'signing_key_age_seconds'],
  inventory: [...database(), ...queue(), 'redis_up', 'cache_reads_total', 'stock_refusals_total', 'products'],
  order: [
    ...database(),
    ...queue(),
    'orders_total',
    'order_processing_seconds',
    'saga_steps_total',
    'saga_step_duration_seconds',
    'orders_in_saga',
    'orders_stuck',
  ],
  payment: [
    ...database(),
    ...queue(),
    'payment_transitions_total',
    'payment_webhooks_total',
    'payment_refunds_total',
    'payment_provider_calls_total',
    'payment_provider_duration_seconds',
    'payments_unsettled',
    'ledger_mismatches',
  ],
  'delivery-routing': [
    ...database(),
    ...queue(),
    'redis_up',
    'cache_reads_total',
    'plans_total',
    'plan_solve_duration_seconds',
    'plan_gap_ratio',
    'plan_stops_total',
    'delivery_days_without_plan',
    'stop_outcomes_total',
    'stop_punctuality_total',
    'stops_late',
    'drivers_on_route',
  ],
}

function database(): readonly string[] {
  return ['db_up', 'db_query_duration_seconds', 'db_pool_size', 'db_pool_connections']
}

function queue(): readonly string[] {
  return ['jobs_total', 'jobs_waiting', 'jobs_lag_seconds']
}

const ofEveryService = [
  'http_requests_total',
  'http_request_duration_seconds',
  'process_cpu_seconds_total',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
  'nodejs_gc_duration_seconds',
]

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

  test('labels its figures with constants of the code alone', () => {
    expect(exposed[service]!.flatMap(computedLabels)).toEqual([])
  })

  test('reports what dashboards and alerts need', () => {
    const names = new Set(exposed[service]!.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')))
    expect([...ofEveryService, ...required[service]].filter((name) => !names.has(name))).toEqual([])
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

test('failures are there before the first of them, so that it is an increase', () => {
  const names = exposed.payment!.filter(
    ({ name, labels }) => name === 'payment_provider_calls_total' && labels.outcome === 'unavailable',
  )
  expect(names.map(({ labels, value }) => [labels.call, value])).toContainEqual(['findRefund', 0])
  expect(names.length).toBe(8)
})

test('times are in seconds, and the buckets have the edges that rules ask for', () => {
  const series = Object.values(exposed).flat()
  const times = series.filter(({ name }) => name.endsWith('_seconds_sum'))
  const means = times.map(({ name, labels, value }) => {
    const count = series.find(
      (each) =>
        each.name === name.replace(/_sum$/, '_count') &&
        JSON.stringify(each.labels) === JSON.stringify(labels),
    )
    return { name, labels, mean: value / Math.max(1, count?.value ?? 0) }
  })
  expect(means.length).toBeGreaterThan(20)
  // Nothing in a test takes half a minute, and a tenth of a second in milliseconds does.
  expect(means.filter(({ mean }) => mean > 30)).toEqual([])
  // A checkout lasts about as long in the order service as at the gateway, whatever the machine; not a thousand times.
  const mean = (name: string, labels: Record<string, string>) =>
    sum(`${name}_sum`, labels) / sum(`${name}_count`, labels)
  const atGateway = mean('http_request_duration_seconds', { service: 'gateway', route: '/v1/checkout' })
  expect(mean('order_processing_seconds', {})).toBeLessThan(100 * atGateway)
  const rules = readRules().flatMap(({ expr }) => [
    ...expr.matchAll(/(\w+)_bucket\{[^}]*?service="(\w+)",route="([^"]+)",le=~"(\d+)\|/g),
  ])
  expect(rules.length).toBeGreaterThan(3)
  for (const [, name, service, route, le] of rules) {
    const edges = series.filter((each) => each.name === `${name}_bucket` && each.labels.route === route)
    expect(
      edges.filter(({ labels }) => labels.service === service).map(({ labels }) => Number(labels.le)),
    ).toContain(Number(le))
  }
})

test('the routes that rules ask for are those of the code', () => {
  const asked = readRules().flatMap(({ expr }) =>
    [...expr.matchAll(/route=~?"([^"]+)"/g)].flatMap(([, routes = '']) => routes.split('|')),
  )
  const patterns = new Set(asked.filter((route) => !route.endsWith('.*')))
  expect(patterns).toEqual(new Set(['/v1/checkout', '/v1/orders/:id/payment-action']))
  const seen = new Set(exposed.gateway!.map(({ labels }) => labels.route))
  expect([...patterns].filter((route) => !seen.has(route))).toEqual([])
  expect([...seen].some((route) => route?.startsWith('/v1/driver/'))).toBe(true)
})

test('docs/observability.md explains these and names none that does not exist', () => {
  const page = readFileSync(join(repository, 'docs/observability.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z0-9_]+)`/gm)].map(([, name]) => String(name))
  const figures = rows.filter((name) => name.includes('_') || name === 'products')
  expect(figures.filter((name) => !constants.has(name) && !runtimeFigures.test(name))).toEqual([])
  const named = new Set(figures)
  const all = [...ofEveryService, ...Object.values(required).flat()]
  expect(all.filter((name) => !named.has(name))).toEqual([])
})

const constants = constantsOfTheCode()
/** By the nature of the label: the library's own, or a status. */
const boundedByNature = /^[1-5]\d\d$|^status_5\d\d$/

/** The labels of a series whose value nothing bounds, in words. */
function computedLabels({ name, labels }: Series): string[] {
  const { service: _, le: _le, ...own } = labels
  if (runtimeFigures.test(name)) return []
  return Object.entries(own)
    .filter(([, value]) => !constants.has(value) && !boundedByNature.test(value))
    .filter(([label, value]) => !(label === 'route' && value.startsWith('/docs')))
    .map(([label, value]) => `${name}{${label}="${value}"} is no constant of the code`)
}

function sum(name: string, labels: Record<string, string>): number {
  const matching = Object.values(exposed)
    .flat()
    .filter((series) => series.name === name)
    .filter((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
  return matching.reduce((total, { value }) => total + value, 0)
}
