/** The values that a label may have: a closed set, or what the number of routes and statuses bounds. */
export type LabelValues = readonly string[] | 'route' | 'status'

export type CataloguedMetric = {
  type: 'counter' | 'gauge' | 'histogram'
  /** The services that report it: all six, those with a database, with jobs, with Redis, or those named. */
  from: 'every' | 'database' | 'queue' | 'redis' | string
  labels?: Readonly<Record<string, LabelValues>>
}

const step = [
  'reserve_stock',
  'hold_window',
  'authorize_payment',
  'refresh_payment',
  'release_stock',
  'release_window',
  'void_payment',
]
const providerCall = ['authorize', 'retrieve', 'find', 'capture', 'void', 'refund', 'findRefund', 'list']
const upstream = ['auth', 'inventory', 'order', 'payment', 'delivery-routing']

/**
 * Every figure of our own, with every value that its labels may have. A figure or a value that is not here fails the
 * test of this package: add it, and a line to `docs/observability.md`.
 */
export const metricCatalogue: Readonly<Record<string, CataloguedMetric>> = {
  http_requests_total: {
    type: 'counter',
    from: 'every',
    labels: { method: methods(), route: 'route', status: 'status' },
  },
  http_request_duration_seconds: {
    type: 'histogram',
    from: 'every',
    labels: { method: methods(), route: 'route' },
  },

  db_up: { type: 'gauge', from: 'database' },
  db_query_duration_seconds: { type: 'histogram', from: 'database' },
  db_pool_size: { type: 'gauge', from: 'database' },
  db_pool_connections: { type: 'gauge', from: 'database', labels: { state: ['idle', 'busy', 'waiting'] } },
  tls_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    from: 'database',
    labels: { certificate: ['database_ca'] },
  },
  redis_up: { type: 'gauge', from: 'redis' },
  redis_failures_total: { type: 'counter', from: 'redis' },
  jobs_total: {
    type: 'counter',
    from: 'queue',
    labels: {
      task: ['deliver_event', 'drive_order', 'capture_payment', 'refund_claim', 'forget_product', 'plan_day'],
      outcome: ['done', 'failed'],
    },
  },
  jobs_waiting: { type: 'gauge', from: 'queue', labels: { state: ['due', 'dead_letter'] } },
  jobs_lag_seconds: { type: 'gauge', from: 'queue' },
  cache_reads_total: {
    type: 'counter',
    from: 'inventory, delivery-routing',
    labels: {
      cache: ['product', 'product_list', 'delivery_windows'],
      outcome: ['hit', 'miss', 'unavailable'],
    },
  },

  gateway_upstream_failures_total: {
    type: 'counter',
    from: 'gateway',
    labels: {
      upstream,
      reason: ['broken_answer', 'invalid', 'unreachable', 'broken', 'timeout', ...status5xx()],
    },
  },
  gateway_rate_limited_total: {
    type: 'counter',
    from: 'gateway',
    labels: { bucket: ['credentials', 'webhooks', 'address', 'token', 'ceiling'] },
  },
  gateway_upstream_in_flight: {
    type: 'gauge',
    from: 'gateway',
    labels: { upstream, pool: ['requests', 'streams'] },
  },

  active_users: { type: 'gauge', from: 'auth', labels: { within: ['15m', '1h', '1d'] } },
  auth_logins_total: {
    type: 'counter',
    from: 'auth',
    labels: { outcome: ['succeeded', 'refused', 'throttled'] },
  },
  auth_refreshes_total: {
    type: 'counter',
    from: 'auth',
    labels: { outcome: ['rotated', 'unknown', 'used', 'expired', 'ended'] },
  },
  auth_registrations_total: { type: 'counter', from: 'auth' },
  auth_key_rotations_total: { type: 'counter', from: 'auth' },
  auth_password_hash_duration_seconds: {
    type: 'histogram',
    from: 'auth',
    labels: { operation: ['hash', 'verify', 'verify_dummy'] },
  },
  auth_password_hashes: { type: 'gauge', from: 'auth', labels: { state: ['running', 'waiting'] } },
  signing_key_age_seconds: { type: 'gauge', from: 'auth' },
  signing_key_max_age_seconds: { type: 'gauge', from: 'auth' },

  products: { type: 'gauge', from: 'inventory', labels: { stock: ['none', 'low', 'available'] } },
  stock_refusals_total: {
    type: 'counter',
    from: 'inventory',
    labels: { reason: ['out_of_stock', 'released_before', 'below_reserved'] },
  },
  stock_reservations_total: {
    type: 'counter',
    from: 'inventory',
    labels: { outcome: ['held', 'released', 'shipped', 'extended'] },
  },

  orders_total: {
    type: 'counter',
    from: 'order',
    labels: {
      outcome: [
        'confirmed',
        'cancelled',
        'out_of_stock',
        'product_unavailable',
        'window_unavailable',
        'payment_declined',
        'payment_action_expired',
        'payment_voided',
        'reservation_released',
        'delivery_released',
        'checkout_interrupted',
        'other',
      ],
    },
  },
  order_processing_seconds: { type: 'histogram', from: 'order' },
  saga_steps_total: {
    type: 'counter',
    from: 'order',
    labels: { step, outcome: ['done', 'refused', 'failed'] },
  },
  saga_step_duration_seconds: { type: 'histogram', from: 'order', labels: { step } },
  saga_takeovers_total: { type: 'counter', from: 'order' },
  orders_in_saga: {
    type: 'gauge',
    from: 'order',
    labels: { step: ['placing', 'awaiting_payment', 'cancelling', 'unwinding'] },
  },
  orders_stuck: { type: 'gauge', from: 'order' },

  payment_transitions_total: {
    type: 'counter',
    from: 'payment',
    labels: {
      status: [
        'processing',
        'requires_action',
        'authorized',
        'declined',
        'captured',
        'partially_refunded',
        'refunded',
        'voided',
      ],
    },
  },
  payment_refunds_total: {
    type: 'counter',
    from: 'payment',
    labels: { status: ['pending', 'succeeded', 'failed'] },
  },
  payment_webhooks_total: {
    type: 'counter',
    from: 'payment',
    labels: { result: ['applied', 'repeated', 'refused'] },
  },
  payment_provider_calls_total: {
    type: 'counter',
    from: 'payment',
    labels: { call: providerCall, outcome: ['answered', 'refused', 'unavailable'] },
  },
  payment_provider_duration_seconds: { type: 'histogram', from: 'payment', labels: { call: providerCall } },
  payment_provider_failures_total: { type: 'counter', from: 'payment', labels: { call: providerCall } },
  payments_unsettled: { type: 'gauge', from: 'payment' },
  ledger_mismatches: { type: 'gauge', from: 'payment' },
  payment_reconciliation_mismatches: { type: 'gauge', from: 'payment' },
  payment_reconciliation_timestamp_seconds: { type: 'gauge', from: 'payment' },

  delivery_holds_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['held', 'unavailable', 'released', 'repeated', 'full'] },
  },
  delivery_releases_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { cause: ['order', 'expired'] },
  },
  plans_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['done', 'lost', 'failed'] },
  },
  plan_solve_duration_seconds: { type: 'histogram', from: 'delivery-routing' },
  plan_gap_ratio: { type: 'histogram', from: 'delivery-routing' },
  plan_stops_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['planned', 'unassigned'] },
  },
  delivery_days_without_plan: { type: 'gauge', from: 'delivery-routing' },
  stop_outcomes_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['delivered', 'failed'] },
  },
  stop_punctuality_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['early', 'on_time', 'late'] },
  },
  stops_late: { type: 'gauge', from: 'delivery-routing' },
  drivers_on_route: {
    type: 'gauge',
    from: 'delivery-routing',
    labels: { position: ['fresh', 'stale'] },
  },
  driver_positions_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['accepted', 'ignored'] },
  },
  sse_connections: { type: 'gauge', from: 'delivery-routing' },
  travel_matrices_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { source: ['osrm', 'osrm_partial', 'great_circle', 'great_circle_fallback'] },
  },
  osrm_requests_total: {
    type: 'counter',
    from: 'delivery-routing',
    labels: { outcome: ['ok', 'timeout', 'unreachable', 'status', 'malformed'] },
  },
}

/** What `prom-client` says of Node and of the process. */
export const runtimeMetrics = /^(nodejs_|process_)/

function methods(): readonly string[] {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other']
}

function status5xx(): readonly string[] {
  return ['status_500', 'status_501', 'status_502', 'status_503', 'status_504']
}

/** What rules use of others: Prometheus itself, kube-state-metrics, cAdvisor, and the exporters of nodes and servers. */
export const exporterMetrics: readonly string[] = [
  'up',
  'pg_up',
  'pg_stat_activity_count',
  'pg_settings_max_connections',
  'redis_evicted_keys_total',
  'kube_pod_container_status_restarts_total',
  'kube_pod_container_resource_limits',
  'container_cpu_usage_seconds_total',
  'container_memory_working_set_bytes',
  'node_filesystem_avail_bytes',
  'node_filesystem_size_bytes',
]
