/** Series and their values in promtool's notation, one value for each interval. */
type Given = Readonly<Record<string, string>>

/**
 * An alert just on one side of its threshold or of its wait. The cases in `alert-cases.ts` are far from both, so that
 * they would hold for many other thresholds.
 */
export type AlertEdge = {
  what: string
  alert: string
  severity?: 'critical' | 'warning' | 'none'
  /** Further labels that the alert must have, in PromQL. */
  labels?: string
  interval?: '15s' | '1m'
  given: Given
  firing?: readonly string[]
  quiet?: readonly string[]
}

const of = (service: string) => `service="${service}"`
const checkout = `${of('gateway')},method="POST",route="/v1/checkout"`
const action = `${of('gateway')},method="POST",route="/v1/orders/:id/payment-action"`
const driver = `${of('gateway')},method="POST",route="/v1/driver/*"`
const read = `${of('payment')},method="GET",route="/v1/orders"`

/** Well for some intervals, and then `bad` of a hundred, or of `all`, in each. */
const requests = (labels: string, bad: number, { well = 0, all = 100, count = 80 } = {}): Given => ({
  [`http_requests_total{${labels},status="201"}`]: `0+${all}x${well} ${all * well}+${all - bad}x${count}`,
  [`http_requests_total{${labels},status="503"}`]: `0x${well} 0+${bad}x${count}`,
})
const latency = (slow: number, { well = 0, edge = '1', count = 80 } = {}): Given => ({
  [`http_request_duration_seconds_count{${checkout}}`]: `0+100x${well} ${100 * well}+100x${count}`,
  [`http_request_duration_seconds_bucket{${checkout},le="${edge}"}`]: `0+100x${well} ${100 * well}+${100 - slow}x${count}`,
})
const vans = (fresh: string, stale: string): Given => ({
  [`drivers_on_route{${of('delivery-routing')},position="fresh"}`]: fresh,
  [`drivers_on_route{${of('delivery-routing')},position="stale"}`]: stale,
})

/** The same figure a little above and a little below the threshold of an alert. */
const around = (
  alert: string,
  at: string,
  given: (value: number) => Given,
  [fires, isQuiet]: readonly [number, number],
  more: Partial<AlertEdge> = {},
): AlertEdge[] => [
  { what: `fires at ${fires}`, alert, given: given(fires), firing: [at], ...more },
  { what: `is quiet at ${isQuiet}`, alert, given: given(isQuiet), quiet: [at], ...more },
]

const provider = (failed: number, answered: number): Given => ({
  'payment_provider_calls_total{service="payment",outcome="answered"}': `0+${answered}x40`,
  'payment_provider_calls_total{service="payment",outcome="unavailable"}': `0+${failed}x40`,
})
const days = 86_400
const isOut = { well: 300, count: 70 }

const objectives: AlertEdge[] = [
  ...[checkout, action].flatMap((labels) =>
    around('CheckoutFailing', '5m', (bad) => requests(labels, bad), [55, 45], { interval: '15s' }),
  ),
  {
    what: 'is told, with 15 s until it is seen and 10 s until it is sent, within two minutes',
    alert: 'CheckoutFailing',
    interval: '15s',
    given: requests(checkout, 4, { well: 240, all: 4 }),
    firing: ['61m30s'],
    quiet: ['60m30s'],
  },
  ...around('CheckoutFailing', '5m', (bad) => requests(checkout, bad, { all: bad }), [0.75, 0.5], {
    interval: '15s',
  }),
  ...around('CheckoutSlow', '5m', (slow) => latency(slow), [55, 45], { interval: '15s' }),
  ...around('CheckoutSlow', '5m', (slow) => latency(slow, { edge: '1.0' }), [55, 45], { interval: '15s' }),
  ...around('DriverApiFailing', '5m', (bad) => requests(driver, bad), [55, 45], { interval: '15s' }),
  ...around('VansUnseen', '3m', (stale) => vans(`${100 - stale}x20`, `${stale}x20`), [55, 45]),
  ...around('VansUnseen', '3m', (stale) => vans('0x20', `${stale}x20`), [3, 2]),
  // An hour of it after five good ones: the slower pair of windows is not what fires.
  ...around('CheckoutAvailabilityBurn', '6h5m', (bad) => requests(checkout, bad, isOut), [1.58, 1.3], {
    severity: 'critical',
  }),
  ...around('DriverApiBurn', '6h5m', (bad) => requests(driver, bad, isOut), [1.58, 1.3], {
    severity: 'critical',
  }),
  ...around('CheckoutLatencyBurn', '6h5m', (slow) => latency(slow, isOut), [15.8, 13], {
    severity: 'critical',
  }),
  ...['1', '1.0'].map(
    (edge): AlertEdge => ({
      what: `reads the edge of the bucket as ${edge}`,
      alert: 'CheckoutLatencyBurn',
      severity: 'critical',
      given: latency(20, { edge }),
      firing: ['12m'],
    }),
  ),
  ...around('CheckoutAvailabilityBurn', '40m', (bad) => requests(checkout, bad), [0.66, 0.54], {
    severity: 'critical',
  }),
  ...around('CheckoutAvailabilityBurn', '70m', (bad) => requests(checkout, bad), [0.11, 0.09], {
    severity: 'warning',
  }),
  {
    what: 'counts the answer to what a bank asks, too',
    alert: 'CheckoutAvailabilityBurn',
    severity: 'critical',
    given: requests(action, 2),
    firing: ['12m'],
  },
  {
    what: 'counts only what the shop has failed',
    alert: 'CheckoutAvailabilityBurn',
    given: Object.fromEntries(
      [402, 409, 422, 429, 499].map((status) => [
        `http_requests_total{${checkout},status="${status}"}`,
        '0+20x80',
      ]),
    ),
    quiet: ['12m', '70m'],
  },
  {
    what: 'is not woken by one failed checkout of few',
    alert: 'CheckoutAvailabilityBurn',
    severity: 'critical',
    given: {
      [`http_requests_total{${checkout},status="201"}`]: '0x25 1x15 2x15 3x15 4x60',
      [`http_requests_total{${checkout},status="503"}`]: '0x75 1x60',
    },
    quiet: ['77m', '80m', '100m'],
  },
  ...around('TrackingFreshnessBurn', '95m', (stale) => vans('1x60 0x40', `0x60 ${stale}x40`), [2, 1], {
    severity: 'critical',
  }),
]

const age = (seconds: number): Given => ({
  'payment_reconciliation_timestamp_seconds{service="payment"}': `${25_200 - seconds}x430`,
})
const databaseGone = { 'db_up{service="order"}': '1 0x5 1x60' }

const causes: AlertEdge[] = [
  ...around('ServiceErrorsHigh', '15m', (bad) => requests(read, bad), [5.5, 4.5]),
  {
    what: 'waits for five minutes',
    alert: 'ServiceErrorsHigh',
    given: requests(read, 8),
    quiet: ['5m'],
    firing: ['9m'],
  },
  ...around('ServiceErrorsHigh', '15m', (bad) => requests(read, bad, { all: bad }), [1, 0.8]),
  {
    what: 'counts only what the service has failed',
    alert: 'ServiceErrorsHigh',
    given: { [`http_requests_total{${read},status="404"}`]: '0+50x40' },
    quiet: ['15m'],
  },
  ...around(
    'OnTimeRateLow',
    '90m',
    (share) => ({
      'stop_punctuality_total{outcome="on_time"}': `0+${share}x100`,
      'stop_punctuality_total{outcome="late"}': `0+${100 - share}x100`,
    }),
    [88, 92],
  ),
  ...around(
    'CertificateExpiring',
    '20m',
    (left) => ({ 'tls_certificate_expiry_timestamp_seconds{service="order"}': `${left * days}x40` }),
    [19, 23],
  ),
  ...around(
    'CertificateExpiring',
    '20m',
    (left) => ({ 'tls_server_certificate_expiry_timestamp_seconds{service="a"}': `${left * days}x40` }),
    [19, 23],
  ),
  ...around('PaymentProviderFailing', '10m', (failed) => provider(failed, 100 - failed), [22, 18]),
  ...around('PaymentProviderFailing', '10m', (failed) => provider(failed, 0), [1, 0.8]),
  {
    what: 'waits for two minutes',
    alert: 'PaymentProviderFailing',
    given: provider(50, 50),
    quiet: ['2m'],
    firing: ['4m'],
  },
  ...around(
    'ServiceCpuHigh',
    '15m',
    (used) => ({ 'process_cpu_seconds_total{service="order"}': `0+${60 * used}x40` }),
    [0.88, 0.72],
  ),
  {
    what: 'lets the optimizer compute, but not for an hour',
    alert: 'ServiceCpuHigh',
    given: { 'process_cpu_seconds_total{service="delivery-optimizer"}': '0+56x90' },
    quiet: ['14m', '40m'],
    firing: ['70m'],
  },
  ...around(
    'EventLoopLagHigh',
    '10m',
    (lag) => ({ 'nodejs_eventloop_lag_p99_seconds{service="order"}': `${lag}x20` }),
    [0.55, 0.45],
  ),
  ...around(
    'GatewayUpstreamFailing',
    '10m',
    (rate) => ({ 'gateway_upstream_failures_total{upstream="order"}': `0+${60 * rate}x20` }),
    [0.22, 0.18],
  ),
  ...around('EventLag', '6m', (lag) => ({ 'jobs_lag_seconds{service="order"}': `${lag}x20` }), [66, 54]),
  ...around('PaymentReconciliationStale', '7h', (hours) => age(hours * 3_600), [6.6, 5.4]),
  {
    what: 'counts from when the processes began where none has succeeded, and from the oldest of them',
    alert: 'PaymentReconciliationStale',
    given: {
      'process_start_time_seconds{service="payment",instance="a"}': '60x300 _x300',
      'process_start_time_seconds{service="payment",instance="b"}': '_x300 18000x300',
    },
    quiet: ['5h50m'],
    firing: ['6h20m'],
  },
  {
    what: 'remembers what a process knew that has ended',
    alert: 'PaymentReconciliationStale',
    given: {
      'payment_reconciliation_timestamp_seconds{service="payment"}': '600x100 _x500',
      'process_start_time_seconds{service="payment",instance="b"}': '_x100 6000x500',
    },
    quiet: ['6h5m'],
    firing: ['6h30m'],
  },
  {
    what: 'waits for ten minutes',
    alert: 'PaymentsUnsettled',
    given: { payments_unsettled: '1x30' },
    quiet: ['9m'],
    firing: ['11m'],
  },
  ...around(
    'SigningKeyOld',
    '15m',
    (share) => ({ signing_key_age_seconds: `${100 * share}x30`, signing_key_max_age_seconds: '100x30' }),
    [1.15, 1.05],
  ),
  ...around(
    'DeliveriesUnassigned',
    '12m',
    (left) => ({
      'plan_stops_total{outcome="planned"}': `0x5 ${100 - left}x60`,
      'plan_stops_total{outcome="unassigned"}': `0x5 ${left}x60`,
    }),
    [6, 4],
  ),
  {
    what: 'believes the services and not their exporter',
    alert: 'DatabaseDown',
    given: { 'db_up{service="order"}': '1x10', pg_up: '0x10' },
    quiet: ['3m', '6m'],
  },
  { what: 'believes the exporter alone', alert: 'DatabaseDown', given: { pg_up: '0x10' }, firing: ['3m'] },
  ...(
    [
      ['3m', '8m', '11m'],
      ['10m', '14m', '18m'],
      ['35m', '39m', '43m'],
    ] as const
  ).map(
    ([within, firing, quiet]): AlertEdge => ({
      what: `holds back for ${within}`,
      alert: 'DatabaseWasDown',
      labels: `within="${within}"`,
      given: databaseGone,
      firing: ['3m', firing],
      quiet: [quiet],
    }),
  ),
  {
    what: 'holds back for ten minutes',
    alert: 'ServiceWasDown',
    labels: of('order'),
    given: { 'up{service="order",instance="a"}': '0x5 1x60' },
    firing: ['3m', '13m'],
    quiet: ['18m'],
  },
  {
    what: 'is no matter of minutes where it is an exporter',
    alert: 'TargetDown',
    severity: 'critical',
    given: { 'up{service="kubernetes",job="node-exporter"}': '1 0x20' },
    quiet: ['10m'],
  },
]

const hash = 'order-7d9f8b6c5-x2x4z'
const container = (figure: string, podName: string, value: string, resource: string): Given => {
  const labels = `namespace="urbanbloom",pod="${podName}",container="c"`
  return {
    [`${figure}{${labels}}`]: value,
    [`kube_pod_container_resource_limits{${labels},resource="${resource}"}`]: '100x40',
  }
}
const cpu = (used: number, podName = hash) =>
  container('container_cpu_usage_seconds_total', podName, `0+${6_000 * used}x40`, 'cpu')

const kubernetes: AlertEdge[] = [
  ...around('ContainerCpuHigh', '20m', (used) => cpu(used), [0.88, 0.72]),
  {
    what: 'lets the optimizer compute',
    alert: 'ContainerCpuHigh',
    given: cpu(1, 'delivery-optimizer-7d9f8b6c5-x2x4z'),
    quiet: ['20m'],
  },
  ...(
    [
      [hash, 'order'],
      ['redis-0', 'redis'],
      ['migrate-x2x4z', 'migrate'],
      ['payment-sandbox-x2x4z', 'payment-sandbox'],
      ['delivery-routing-5c6b7d8f9-bcdfg', 'delivery-routing'],
      ['backup-29012345-x2x4z', 'backup'],
    ] as const
  ).flatMap(([podName, service]): AlertEdge[] => [
    {
      what: `finds the service of ${podName}`,
      alert: 'ContainerCpuHigh',
      labels: of(service),
      given: cpu(1, podName),
      firing: ['20m'],
    },
    {
      what: `finds the service of ${podName}`,
      alert: 'PodCrashLooping',
      labels: of(service),
      given: {
        [`kube_pod_container_status_restarts_total{namespace="urbanbloom",pod="${podName}"}`]: '0x5 5x30',
      },
      firing: ['15m'],
    },
  ]),
  ...around(
    'ContainerMemoryHigh',
    '20m',
    (used) => container('container_memory_working_set_bytes', hash, `${100 * used}x40`, 'memory'),
    [0.95, 0.85],
  ),
  ...around(
    'PostgresConnectionsHigh',
    '10m',
    (used) => ({ pg_stat_activity_count: `${used}x20`, pg_settings_max_connections: '100x20' }),
    [90, 80],
  ),
  ...around('RedisEvicting', '20m', (rate) => ({ redis_evicted_keys_total: `0+${60 * rate}x40` }), [11, 9]),
  ...around(
    'NodeDiskFilling',
    '20m',
    (left) => ({
      'node_filesystem_avail_bytes{instance="n",fstype="ext4"}': `${left}x40`,
      'node_filesystem_size_bytes{instance="n",fstype="ext4"}': '100x40',
    }),
    [9, 11],
  ),
]

/** By the file of rules that they are about. */
export const alertEdges: Readonly<Record<'objectives' | 'causes' | 'kubernetes', readonly AlertEdge[]>> = {
  objectives,
  causes,
  kubernetes,
}
