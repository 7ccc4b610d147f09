import { figure, graph, row } from './elements.ts'
import { page } from './page.ts'

/** The cache, by `redis_exporter`. Losing it loses nothing. */
export const redis = page(
  'redis',
  'Redis',
  {
    says: 'Cache, rate limits and live positions, by redis_exporter. Losing it loses nothing.',
  },
  [
    figure({
      title: 'Up for',
      says: 'The time since its last start. No data means that the exporter cannot connect.',
      unit: 's',
      width: 6,
      query: 'max(redis_uptime_in_seconds)',
    }),
    figure({
      title: 'Memory',
      says: 'In use by data.',
      unit: 'bytes',
      width: 6,
      query: 'sum(redis_memory_used_bytes)',
    }),
    figure({
      title: 'Keys found',
      says: 'Share of reads whose key was there.',
      unit: 'percentunit',
      width: 6,
      query:
        'sum(rate(redis_keyspace_hits_total[$__rate_interval])) / (sum(rate(redis_keyspace_hits_total[$__rate_interval])) + sum(rate(redis_keyspace_misses_total[$__rate_interval])))',
    }),
    figure({
      title: 'Clients',
      says: 'Open connections.',
      unit: 'short',
      width: 6,
      query: 'sum(redis_connected_clients)',
    }),
    row('What it does'),
    graph({
      title: 'Commands',
      says: 'The ten that are used most; those of the exporter itself are left out.',
      unit: 'ops',
      width: 12,
      queries: [
        [
          'topk(10, sum by (cmd) (rate(redis_commands_total{cmd!~"client.*|config.*|info|latency.*|slowlog.*"}[$__rate_interval])))',
          '{{cmd}}',
        ],
      ],
    }),
    graph({
      title: 'Keys',
      says: 'All, and those that will expire by themselves.',
      unit: 'short',
      width: 12,
      queries: [
        ['sum(redis_db_keys)', 'all'],
        ['sum(redis_db_keys_expiring)', 'expiring'],
      ],
    }),
    graph({
      title: 'Keys thrown away and expired',
      says: 'Keys that are thrown away before their time mean that the memory is full.',
      unit: 'ops',
      width: 12,
      queries: [
        ['sum(rate(redis_evicted_keys_total[$__rate_interval]))', 'thrown away'],
        ['sum(rate(redis_expired_keys_total[$__rate_interval]))', 'expired'],
      ],
    }),
    graph({
      title: 'Commands without an answer, per minute',
      says: 'What services asked in vain. They go on without, slower.',
      unit: 'short',
      width: 12,
      queries: [['60 * sum by (service) (rate(redis_failures_total[$__rate_interval]))', '{{service}}']],
    }),
  ],
)
