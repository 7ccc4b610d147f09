/** Series and their values in promtool's notation, one value a minute. */
type Given = Readonly<Record<string, string>>

/** One rule of an alert: when it fires, with which labels and words, and when it is quiet. */
export type AlertCase = {
  alert: string
  severity: 'critical' | 'warning' | 'none'
  /** Tells rules apart that share name and severity. */
  within?: string
  fires: { given: Given; at: string; labels: Record<string, string>; summary: string }
  quiet: { given: Given; at: string }
}

const gateway = 'service="gateway"'
const checkout = `${gateway},method="POST",route="/v1/checkout"`
const driver = `${gateway},method="POST",route="/v1/driver/*"`
/** Ours are down, the first sample aside. */
const away = { 'up{job="urbanbloom",service="order",instance="order:8083"}': '1 1 0x10' }
const noDatabase = { 'db_up{service="order"}': '1 0x10', 'db_up{service="auth"}': '1 0x10' }

/** `bad` of a hundred requests a minute fail, all the time. */
const requests = (labels: string, bad: number, minutes = 100): Given => ({
  [`http_requests_total{${labels},status="201"}`]: `0+${100 - bad}x${minutes}`,
  [`http_requests_total{${labels},status="503"}`]: `0+${bad}x${minutes}`,
})

/** `slow` of a hundred checkouts a minute take longer than a second. */
const latency = (slow: number, minutes = 100): Given => ({
  [`http_request_duration_seconds_count{${checkout}}`]: `0+100x${minutes}`,
  [`http_request_duration_seconds_bucket{${checkout},le="1"}`]: `0+${100 - slow}x${minutes}`,
})

const drivers = (fresh: number, stale: number, minutes = 100): Given => ({
  'drivers_on_route{service="delivery-routing",position="fresh"}': `${fresh}x${minutes}`,
  'drivers_on_route{service="delivery-routing",position="stale"}': `${stale}x${minutes}`,
})

const unplanned = (days: number, minutes = 100): Given => ({
  'delivery_days_without_plan{service="delivery-routing"}': `${days}x${minutes}`,
})

const everyServiceUp = Object.fromEntries(
  ['gateway', 'auth', 'inventory', 'order', 'payment', 'delivery-routing'].map((service) => [
    `up{job="urbanbloom",service="${service}",instance="${service}:8080"}`,
    '1x60',
  ]),
)

const objective = (
  alert: string,
  slo: string,
  service: string,
  words: string,
  given: Record<'fast' | 'slow' | 'within', Given>,
  times: Record<'fast' | 'slow', string>,
): AlertCase[] => [
  {
    alert,
    severity: 'critical',
    fires: {
      given: given.fast,
      at: '12m',
      labels: { slo, service },
      summary: `${words}: the budget burns ${times.fast} times too fast`,
    },
    quiet: { given: given.slow, at: '12m' },
  },
  {
    alert,
    severity: 'warning',
    fires: {
      given: given.slow,
      at: '100m',
      labels: { slo, service },
      summary: `${words}: the budget burns ${times.slow} times too fast`,
    },
    quiet: { given: given.within, at: '100m' },
  },
]

const outages: AlertCase[] = [
  {
    alert: 'CheckoutFailing',
    severity: 'critical',
    fires: {
      given: requests(checkout, 60),
      at: '3m',
      labels: { slo: 'checkout_availability', service: 'order' },
      summary: 'Hardly anybody can buy: 60% of the checkouts of the last minute failed',
    },
    quiet: { given: requests(checkout, 40), at: '3m' },
  },
  {
    alert: 'CheckoutSlow',
    severity: 'critical',
    fires: {
      given: latency(60),
      at: '3m',
      labels: { slo: 'checkout_latency', service: 'order' },
      summary: '60% of the checkouts of the last minute took longer than a second',
    },
    quiet: { given: latency(40), at: '3m' },
  },
  {
    alert: 'DriverApiFailing',
    severity: 'critical',
    fires: {
      given: requests(driver, 60),
      at: '3m',
      labels: { slo: 'driver_api', service: 'delivery-routing' },
      summary: '60% of what drivers’ apps asked in the last minute failed',
    },
    quiet: { given: requests(driver, 40), at: '3m' },
  },
  {
    alert: 'VansUnseen',
    severity: 'critical',
    fires: {
      given: drivers(4, 6),
      at: '3m',
      labels: { service: 'delivery-routing' },
      summary: '60% of the vans on the road have not been seen for a minute',
    },
    quiet: { given: drivers(6, 4), at: '3m' },
  },
]

const objectives: AlertCase[] = [
  ...outages,
  ...objective(
    'CheckoutAvailabilityBurn',
    'checkout_availability',
    'order',
    'Checkouts fail',
    {
      fast: requests(checkout, 2),
      slow: requests(checkout, 0.5),
      within: requests(checkout, 0.05),
    },
    { fast: '20', slow: '5.0' },
  ),
  ...objective(
    'CheckoutLatencyBurn',
    'checkout_latency',
    'order',
    'Checkouts take longer than a second',
    { fast: latency(20), slow: latency(5), within: latency(0.5) },
    { fast: '20', slow: '5.0' },
  ),
  ...objective(
    'DriverApiBurn',
    'driver_api',
    'delivery-routing',
    'Drivers’ apps get errors',
    { fast: requests(driver, 2), slow: requests(driver, 0.5), within: requests(driver, 0.05) },
    { fast: '20', slow: '5.0' },
  ),
  ...objective(
    'TrackingFreshnessBurn',
    'tracking_freshness',
    'delivery-routing',
    'Positions of vans are old',
    { fast: drivers(1, 9), slow: drivers(8, 2), within: drivers(100, 1) },
    { fast: '18', slow: '4.0' },
  ),
  ...objective(
    'PlansReadyBurn',
    'plans_ready',
    'delivery-routing',
    'A day has no plan shortly before its first shift',
    {
      fast: unplanned(1),
      // Five minutes of a hundred, an hour ago.
      slow: { 'delivery_days_without_plan{service="delivery-routing"}': '0x40 1x4 0x60' },
      within: unplanned(0),
    },
    { fast: '100', slow: '5.0' },
  ),
]

const pod = 'namespace="urbanbloom",pod="order-7d9f8b6c5-x2x4z",container="service"'

const causes: AlertCase[] = [
  {
    alert: 'Watchdog',
    severity: 'none',
    fires: { given: {}, at: '1m', labels: { service: 'prometheus' }, summary: 'Alerting works' },
    // It has no quiet state: when it is quiet, alerting is broken.
    quiet: { given: {}, at: '1m' },
  },
  {
    alert: 'TargetDown',
    severity: 'critical',
    fires: {
      given: away,
      at: '4m',
      labels: { job: 'urbanbloom', service: 'order', instance: 'order:8083' },
      summary: 'order does not answer at order:8083',
    },
    // One scrape that fails is not an outage.
    quiet: { given: { 'up{job="urbanbloom",service="order",instance="order:8083"}': '1 0 1x10' }, at: '2m' },
  },
  {
    alert: 'TargetDown',
    severity: 'warning',
    fires: {
      given: { ...away, 'up{job="urbanbloom",service="order",instance="other:8083"}': '1x20' },
      at: '9m',
      labels: { job: 'urbanbloom', service: 'order', instance: 'order:8083' },
      summary: 'order does not answer at order:8083',
    },
    quiet: { given: away, at: '9m' },
  },
  {
    alert: 'ServiceWasDown',
    severity: 'none',
    within: '10m',
    fires: {
      given: away,
      at: '5m',
      labels: { service: 'order', within: '10m' },
      summary: 'order was down within the last ten minutes',
    },
    quiet: {
      given: { ...away, 'up{job="urbanbloom",service="order",instance="other:8083"}': '1x20' },
      at: '9m',
    },
  },
  ...['3', '10', '35'].map(
    (minutes): AlertCase => ({
      alert: 'DatabaseWasDown',
      severity: 'none',
      within: `${minutes}m`,
      fires: {
        given: noDatabase,
        at: '5m',
        labels: { service: 'postgres', within: `${minutes}m` },
        summary: `The database was down within the last ${minutes} minutes`,
      },
      quiet: { given: { 'db_up{service="order"}': '1x10' }, at: '5m' },
    }),
  ),
  {
    alert: 'ServiceMissing',
    severity: 'critical',
    fires: {
      given: Object.fromEntries(
        Object.entries(everyServiceUp).filter(([series]) => !series.includes('"payment"')),
      ),
      at: '5m',
      labels: { service: 'payment' },
      summary: 'There is no data of payment at all',
    },
    quiet: { given: everyServiceUp, at: '5m' },
  },
  {
    alert: 'DatabaseDown',
    severity: 'critical',
    fires: {
      given: noDatabase,
      at: '3m',
      labels: { service: 'postgres' },
      summary: 'The database answers nobody',
    },
    quiet: { given: { 'db_up{service="order"}': '0x10', 'db_up{service="auth"}': '1x10' }, at: '3m' },
  },
  {
    alert: 'RedisDown',
    severity: 'warning',
    fires: {
      given: { 'redis_up{service="auth"}': '0x10', 'redis_up{service="inventory"}': '0x10' },
      at: '3m',
      labels: { service: 'redis' },
      summary: 'Redis answers nobody',
    },
    quiet: {
      given: { 'redis_up{service="auth"}': '0x10', 'redis_up{service="inventory"}': '1x10' },
      at: '3m',
    },
  },
  {
    alert: 'ServiceCpuHigh',
    severity: 'warning',
    fires: {
      given: { 'process_cpu_seconds_total{service="order"}': '0+54x20' },
      at: '15m',
      labels: { service: 'order' },
      summary: 'order uses 90% of a core',
    },
    quiet: { given: { 'process_cpu_seconds_total{service="order"}': '0+42x20' }, at: '15m' },
  },
  {
    alert: 'EventLoopLagHigh',
    severity: 'warning',
    fires: {
      given: { 'nodejs_eventloop_lag_p99_seconds{service="order"}': '2x20' },
      at: '10m',
      labels: { service: 'order' },
      summary: 'order: the event loop is blocked for 2s',
    },
    quiet: { given: { 'nodejs_eventloop_lag_p99_seconds{service="order"}': '0.02x20' }, at: '10m' },
  },
  {
    alert: 'DatabasePoolExhausted',
    severity: 'critical',
    fires: {
      given: {
        'db_pool_connections{service="order",state="waiting"}': '7x10',
        'db_pool_connections{service="order",state="busy"}': '10x10',
        'db_pool_size{service="order"}': '10x10',
      },
      at: '4m',
      labels: { service: 'order' },
      summary: 'order: 7 requests wait for a database connection',
    },
    // Busy to the last connection, and nobody waits.
    quiet: {
      given: {
        'db_pool_connections{service="order",state="waiting"}': '0x10',
        'db_pool_connections{service="order",state="busy"}': '10x10',
        'db_pool_size{service="order"}': '10x10',
      },
      at: '4m',
    },
  },
  {
    alert: 'ServiceErrorsHigh',
    severity: 'critical',
    fires: {
      given: requests('service="order",method="GET",route="/v1/orders"', 8, 30),
      at: '15m',
      labels: { service: 'order' },
      summary: 'order fails 8% of its requests',
    },
    // Failed probes are no failed requests.
    quiet: {
      given: {
        ...requests('service="order",method="GET",route="/v1/orders"', 3, 30),
        'http_requests_total{service="order",method="GET",route="/readyz",status="503"}': '0+100x30',
      },
      at: '15m',
    },
  },
  {
    alert: 'GatewayUpstreamFailing',
    severity: 'warning',
    fires: {
      given: {
        'gateway_upstream_failures_total{service="gateway",upstream="order",reason="timeout"}': '0+30x20',
      },
      at: '10m',
      labels: { service: 'order' },
      summary: 'The gateway got no usable answer from order 0.5 times a second',
    },
    quiet: {
      given: {
        'gateway_upstream_failures_total{service="gateway",upstream="order",reason="timeout"}': '0+6x20',
      },
      at: '10m',
    },
  },
  {
    alert: 'EventLag',
    severity: 'warning',
    fires: {
      given: { 'jobs_lag_seconds{service="order"}': '0 60+60x10' },
      at: '6m',
      labels: { service: 'order' },
      summary: 'Events of order wait for 6m 0s',
    },
    quiet: { given: { 'jobs_lag_seconds{service="order"}': '0 120 5x10' }, at: '6m' },
  },
  {
    alert: 'DeadLetters',
    severity: 'critical',
    fires: {
      given: {
        'jobs_waiting{service="order",state="dead_letter",task="deliver_event",instance="a"}': '2x10',
        'jobs_waiting{service="order",state="dead_letter",task="deliver_event",instance="b"}': '2x10',
        'jobs_waiting{service="order",state="dead_letter",task="refund_claim",instance="a"}': '3x10',
      },
      at: '3m',
      labels: { service: 'order' },
      summary: 'order has given up on 5 jobs',
    },
    quiet: { given: { 'jobs_waiting{service="order",state="due"}': '9x10' }, at: '3m' },
  },
  {
    alert: 'OrdersStuck',
    severity: 'critical',
    fires: {
      given: {
        'orders_stuck{service="order",instance="a"}': '3x10',
        'orders_stuck{service="order",instance="b"}': '3x10',
      },
      at: '4m',
      labels: { service: 'order' },
      summary: '3 orders are stuck',
    },
    quiet: { given: { 'orders_stuck{service="order"}': '0 3 0x10' }, at: '4m' },
  },
  {
    alert: 'LedgerMismatch',
    severity: 'critical',
    fires: {
      given: { 'ledger_mismatches{service="payment"}': '1x10' },
      at: '3m',
      labels: { service: 'payment' },
      summary: '1 payments differ from the ledger',
    },
    quiet: { given: { 'ledger_mismatches{service="payment"}': '0x10' }, at: '3m' },
  },
  {
    alert: 'PaymentReconciliationMismatch',
    severity: 'critical',
    fires: {
      given: { 'payment_reconciliation_mismatches{service="payment"}': '4x20' },
      at: '10m',
      labels: { service: 'payment' },
      summary: 'The card provider disagrees about 4 payments',
    },
    quiet: { given: { 'payment_reconciliation_mismatches{service="payment"}': '0x20' }, at: '10m' },
  },
  {
    alert: 'PaymentReconciliationStale',
    severity: 'warning',
    fires: {
      given: { 'payment_reconciliation_timestamp_seconds{service="payment"}': '0x500' },
      at: '8h',
      labels: { service: 'payment' },
      summary: 'Payments have not been compared with the provider for 8h 0m 0s',
    },
    quiet: { given: { 'payment_reconciliation_timestamp_seconds{service="payment"}': '0+60x500' }, at: '8h' },
  },
  {
    alert: 'PaymentProviderFailing',
    severity: 'critical',
    fires: {
      given: {
        'payment_provider_calls_total{service="payment",call="authorize",outcome="answered"}': '0+50x20',
        'payment_provider_calls_total{service="payment",call="authorize",outcome="unavailable"}': '0+50x20',
      },
      at: '10m',
      labels: { service: 'payment' },
      summary: 'The card provider fails 50% of the calls',
    },
    // Refusals are answers.
    quiet: {
      given: {
        'payment_provider_calls_total{service="payment",call="authorize",outcome="refused"}': '0+90x20',
        'payment_provider_calls_total{service="payment",call="authorize",outcome="unavailable"}': '0+10x20',
      },
      at: '10m',
    },
  },
  {
    alert: 'PaymentsUnsettled',
    severity: 'warning',
    fires: {
      given: { 'payments_unsettled{service="payment"}': '2x30' },
      at: '15m',
      labels: { service: 'payment' },
      summary: '2 payments are not settled',
    },
    quiet: { given: { 'payments_unsettled{service="payment"}': '2x5 0x30' }, at: '15m' },
  },
  {
    alert: 'CertificateExpiring',
    severity: 'warning',
    fires: {
      given: {
        'tls_certificate_expiry_timestamp_seconds{service="order",certificate="database_ca"}': '865200x30',
      },
      at: '20m',
      labels: { service: 'order', certificate: 'database_ca' },
      summary: 'The certificate database_ca of order expires in 10 days',
    },
    quiet: {
      given: {
        'tls_certificate_expiry_timestamp_seconds{service="order",certificate="database_ca"}': '8640000x30',
      },
      at: '20m',
    },
  },
  {
    alert: 'CertificateUnseen',
    severity: 'warning',
    fires: {
      given: {
        'tls_server_certificate_seen{service="delivery-routing",certificate="public_address"}': '0x90',
      },
      at: '70m',
      labels: { service: 'delivery-routing', certificate: 'public_address' },
      summary: 'The certificate public_address cannot be read by delivery-routing',
    },
    quiet: {
      given: {
        'tls_server_certificate_seen{service="delivery-routing",certificate="public_address"}': '0x40 1x50',
      },
      at: '70m',
    },
  },
  {
    alert: 'SigningKeyOld',
    severity: 'warning',
    fires: {
      given: {
        'signing_key_age_seconds{service="auth"}': '1200x30',
        'signing_key_max_age_seconds{service="auth"}': '1000x30',
      },
      at: '15m',
      labels: { service: 'auth' },
      summary: 'The signing key has signed for 120% of the time it should',
    },
    quiet: {
      given: {
        'signing_key_age_seconds{service="auth"}': '1010x30',
        'signing_key_max_age_seconds{service="auth"}': '1000x30',
      },
      at: '15m',
    },
  },
  {
    alert: 'OptimizerFailing',
    severity: 'critical',
    fires: {
      given: { 'plans_total{service="delivery-routing",outcome="failed"}': '0x5 3x30' },
      at: '15m',
      labels: { service: 'delivery-routing' },
      summary: '3 plans failed within 15 minutes',
    },
    // An old failure is forgotten.
    quiet: { given: { 'plans_total{service="delivery-routing",outcome="failed"}': '0 3x40' }, at: '30m' },
  },
  {
    alert: 'DeliveriesUnassigned',
    severity: 'warning',
    fires: {
      given: {
        'plan_stops_total{service="delivery-routing",outcome="planned"}': '0+9x60',
        'plan_stops_total{service="delivery-routing",outcome="unassigned"}': '0+1x60',
      },
      at: '50m',
      labels: { service: 'delivery-routing' },
      summary: '10% of the deliveries found no place in a plan',
    },
    quiet: {
      given: {
        'plan_stops_total{service="delivery-routing",outcome="planned"}': '0+99x60',
        'plan_stops_total{service="delivery-routing",outcome="unassigned"}': '0+1x60',
      },
      at: '50m',
    },
  },
  {
    alert: 'OnTimeRateLow',
    severity: 'warning',
    fires: {
      given: {
        'stop_punctuality_total{service="delivery-routing",outcome="on_time"}': '0+4x120',
        'stop_punctuality_total{service="delivery-routing",outcome="late"}': '0+1x120',
      },
      at: '90m',
      labels: { service: 'delivery-routing' },
      summary: 'Only 80% of the stops of the last hour were on time',
    },
    quiet: {
      given: {
        'stop_punctuality_total{service="delivery-routing",outcome="early"}': '0+9x120',
        'stop_punctuality_total{service="delivery-routing",outcome="late"}': '0+0x120',
      },
      at: '90m',
    },
  },
]

const cluster: AlertCase[] = [
  {
    alert: 'PodCrashLooping',
    severity: 'critical',
    fires: {
      given: {
        'kube_pod_container_status_restarts_total{namespace="urbanbloom",pod="order-7d9f8b6c5-x2x4z",container="service"}':
          '0x5 5x30',
      },
      at: '15m',
      labels: { service: 'order' },
      summary: 'A container of order restarted 5 times in 15 minutes',
    },
    quiet: {
      given: {
        'kube_pod_container_status_restarts_total{namespace="urbanbloom",pod="order-7d9f8b6c5-x2x4z",container="service"}':
          '0x5 1x30',
      },
      at: '15m',
    },
  },
  {
    alert: 'ContainerCpuHigh',
    severity: 'warning',
    fires: {
      given: {
        [`container_cpu_usage_seconds_total{${pod}}`]: '0+54x30',
        [`kube_pod_container_resource_limits{${pod},resource="cpu"}`]: '1x30',
      },
      at: '20m',
      labels: { service: 'order' },
      summary: 'order uses 90% of its CPU limit',
    },
    quiet: {
      given: {
        [`container_cpu_usage_seconds_total{${pod}}`]: '0+54x30',
        [`kube_pod_container_resource_limits{${pod},resource="cpu"}`]: '2x30',
      },
      at: '20m',
    },
  },
  {
    alert: 'ContainerMemoryHigh',
    severity: 'warning',
    fires: {
      given: {
        [`container_memory_working_set_bytes{${pod}}`]: '950x30',
        [`kube_pod_container_resource_limits{${pod},resource="memory"}`]: '1000x30',
      },
      at: '20m',
      labels: { service: 'order' },
      summary: 'order uses 95% of its memory limit',
    },
    quiet: {
      given: {
        [`container_memory_working_set_bytes{${pod}}`]: '600x30',
        [`kube_pod_container_resource_limits{${pod},resource="memory"}`]: '1000x30',
      },
      at: '20m',
    },
  },
  {
    alert: 'PostgresConnectionsHigh',
    severity: 'warning',
    fires: {
      given: { 'pg_stat_activity_count{state="idle"}': '360x20', pg_settings_max_connections: '400x20' },
      at: '10m',
      labels: { service: 'postgres' },
      summary: "90% of the database's connections are in use",
    },
    quiet: {
      given: { 'pg_stat_activity_count{state="idle"}': '100x20', pg_settings_max_connections: '400x20' },
      at: '10m',
    },
  },
  {
    alert: 'RedisEvicting',
    severity: 'warning',
    fires: {
      given: { redis_evicted_keys_total: '0+1200x30' },
      at: '20m',
      labels: { service: 'redis' },
      summary: 'Redis throws 20 keys a second away',
    },
    quiet: { given: { redis_evicted_keys_total: '0+60x30' }, at: '20m' },
  },
  {
    alert: 'NodeDiskFilling',
    severity: 'warning',
    fires: {
      given: {
        'node_filesystem_avail_bytes{instance="node-1",fstype="ext4",mountpoint="/"}': '5x30',
        'node_filesystem_size_bytes{instance="node-1",fstype="ext4",mountpoint="/"}': '100x30',
      },
      at: '20m',
      labels: { service: 'kubernetes', instance: 'node-1' },
      summary: 'node-1 has 5% of its disk left',
    },
    quiet: {
      given: {
        'node_filesystem_avail_bytes{instance="node-1",fstype="ext4",mountpoint="/"}': '50x30',
        'node_filesystem_size_bytes{instance="node-1",fstype="ext4",mountpoint="/"}': '100x30',
      },
      at: '20m',
    },
  },
]

/** By the file of rules that they are about; what it needs is in `recording.yml`. */
export const alertCases: Readonly<Record<'objectives' | 'causes' | 'kubernetes', readonly AlertCase[]>> = {
  objectives,
  causes,
  kubernetes: cluster,
}
