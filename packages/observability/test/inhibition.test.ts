import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { repository } from '@urbanbloom/local/programs'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeAlertmanagerConfig } from '../src/alerting-stack.ts'
import { findPrometheusPrograms } from '../src/prometheus-programs.ts'

const programs = await findPrometheusPrograms()
const warm = { severity: 'warning' }

/** What is told of these alerts when the first is there. */
const cases: {
  what: string
  source: Record<string, string>
  held: Record<string, string>[]
  told: Record<string, string>[]
}[] = [
  {
    what: 'a database that was down within three minutes',
    source: { alertname: 'DatabaseWasDown', severity: 'none', service: 'postgres', within: '3m' },
    held: [
      'CheckoutFailing',
      'CheckoutSlow',
      'DriverApiFailing',
      'VansUnseen',
      'DatabasePoolExhausted',
      'ServiceMissing',
    ].map((alertname) => ({ alertname })),
    told: [{ alertname: 'TargetDown' }, { alertname: 'LedgerMismatch' }, { alertname: 'DatabaseDown' }],
  },
  {
    what: 'a database that was down within ten minutes',
    source: { alertname: 'DatabaseWasDown', severity: 'none', service: 'postgres', within: '10m' },
    held: [
      'ServiceErrorsHigh',
      'GatewayUpstreamFailing',
      'EventLag',
      'OrdersStuck',
      'OptimizerFailing',
      'PaymentReconciliationStale',
      'PaymentsUnsettled',
    ].map((alertname) => ({ alertname })),
    // What looks at the last minute is true again by then.
    told: [{ alertname: 'CheckoutFailing' }, { alertname: 'DriverApiFailing' }],
  },
  {
    what: 'a database that was down within 35 minutes',
    source: { alertname: 'DatabaseWasDown', severity: 'none', service: 'postgres', within: '35m' },
    held: [
      'CheckoutAvailabilityBurn',
      'CheckoutLatencyBurn',
      'DriverApiBurn',
      'TrackingFreshnessBurn',
      'PlansReadyBurn',
    ].flatMap((alertname) => [{ alertname }, { alertname, ...warm }]),
    told: [{ alertname: 'ServiceErrorsHigh' }],
  },
  {
    what: 'a service that was down',
    source: { alertname: 'ServiceWasDown', severity: 'none', service: 'order', within: '10m' },
    held: ['ServiceErrorsHigh', 'GatewayUpstreamFailing', 'EventLag'].map((alertname) => ({ alertname })),
    told: [{ alertname: 'ServiceErrorsHigh', service: 'payment' }, { alertname: 'OrdersStuck' }],
  },
  {
    what: 'a service of which there is no data',
    source: { alertname: 'ServiceMissing', severity: 'critical', service: 'order' },
    held: ['ServiceErrorsHigh', 'GatewayUpstreamFailing', 'EventLag'].map((alertname) => ({ alertname })),
    told: [{ alertname: 'EventLag', service: 'payment' }],
  },
  {
    what: 'one replica of a service that is down, or restarts',
    source: { alertname: 'TargetDown', severity: 'warning', service: 'order' },
    held: [],
    told: [{ alertname: 'ServiceErrorsHigh' }, { alertname: 'EventLag' }],
  },
  {
    what: 'a critical alert',
    source: { alertname: 'CheckoutAvailabilityBurn', severity: 'critical', service: 'order' },
    held: [{ alertname: 'CheckoutAvailabilityBurn', ...warm }],
    told: [
      { alertname: 'CheckoutLatencyBurn', ...warm },
      { alertname: 'EventLag', ...warm },
    ],
  },
]

describe.skipIf(programs === undefined)('Alertmanager holds back', () => {
  const resources = new AsyncDisposableStack()
  let url: string
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-inhibition-'))
    resources.defer(() => rm(folder, { recursive: true, force: true }))
    // Nobody listens where it sends.
    await writeAlertmanagerConfig({ folder, pace: 'real', slackPort: 9, mailPort: 9 })
    const port = await freePort()
    url = `http://127.0.0.1:${port}/api/v2/alerts`
    const child = await startChild({
      name: 'alertmanager',
      command: programs!.alertmanager,
      args: [
        `--config.file=${join(folder, 'alertmanager.yml')}`,
        `--storage.path=${join(folder, 'alerts')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      env: { PATH: process.env.PATH },
      cwd: folder,
      logFile: join(folder, 'alertmanager.log'),
    })
    resources.defer(async () => void (await child.stop(5_000)))
    await waitFor(async () => (await request('GET', url)).status === 200, { describe: 'it is ready' })
  })
  afterAll(() => resources.disposeAsync())

  test.each(cases)('what $what has caused, and nothing else', async ({ what, source, held, told }) => {
    // Each case has alerts of its own, and inhibition asks for no more labels than its rules name.
    const withDefaults = (labels: Record<string, string>) => ({
      severity: 'critical',
      service: 'order',
      ...labels,
      case: what,
    })
    const all = [source, ...held, ...told].map(withDefaults)
    await send(all)
    const state = () => states(what)
    await waitFor(async () => (await state()).length === all.length, { describe: 'all alerts are known' })
    const suppressed = (await state()).filter(([, isHeld]) => isHeld).map(([name]) => name)
    expect(suppressed.toSorted()).toEqual(held.map(withDefaults).map(nameOf).toSorted())
    await send(all, new Date().toISOString())
    await waitFor(async () => (await state()).length === 0, { describe: 'they have ended' })
  })

  async function send(alerts: Record<string, string>[], endsAt?: string): Promise<void> {
    const body = alerts.map((labels) => ({ labels, annotations: { summary: 'x' }, endsAt }))
    const answer = await request('POST', url, { body })
    expect(answer.status).toBe(200)
  }

  async function states(what: string): Promise<(readonly [string, boolean])[]> {
    type Known = { labels: Record<string, string>; status: { state: string; inhibitedBy: string[] } }
    const { body } = await request<Known[]>('GET', url)
    return body
      .filter(({ labels }) => labels.case === what)
      .map(({ labels, status }) => [nameOf(labels), status.inhibitedBy.length > 0] as const)
  }
})

test('both ways tell the end, and what is critical waits ten seconds at most', async () => {
  const config = load(await readFile(join(repository, 'prometheus/alertmanager.yml'), 'utf8')) as any
  const routes = [config.route, ...config.route.routes]
  const critical = routes.find(({ receiver }) => receiver === 'team-now')
  expect([config.route.group_wait, critical.group_wait]).toEqual(['30s', '10s'])
  expect([config.route.group_interval, critical.group_interval]).toEqual(['1m', undefined])
  const ways = config.receivers.flatMap(({ slack_configs = [], email_configs = [] }: any) => [
    ...slack_configs,
    ...email_configs,
  ])
  expect(ways.map(({ send_resolved }: any) => send_resolved)).toEqual([true, true, true, true])
})

function nameOf({ alertname, severity, service }: Record<string, string>): string {
  return `${alertname} ${severity} ${service}`
}
