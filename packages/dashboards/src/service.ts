import {
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { figure, graph, row } from './elements.ts'
import { toLogs, toTraces } from './links.ts'
import { page } from './page.ts'
import { metrics } from './sources.ts'

const probes = '/livez|/readyz|/healthz|/metrics'
const own = `service="$service",route!~"${probes}"`
const deeper = [toLogs('${service}'), toTraces('${service}')]

/** One service in depth: its requests, its database, its queue and its process. */
const variable = new QueryVariableBuilder('service')
  .label('Service')
  .datasource(metrics)
  .query({ query: 'label_values(http_requests_total, service)', refId: 'service' })
  .refresh(VariableRefresh.OnTimeRangeChanged)
  // oxlint-disable-next-line unicorn/no-array-sort -- A builder's method, no array.
  .sort(VariableSort.AlphabeticalAsc)
  .current({ text: 'order', value: 'order' })

export const service = page(
  'service',
  'Service',
  { says: 'One service in depth. Choose it at the top.', variables: [variable] },
  [
    figure({
      title: 'Requests',
      says: 'Probes are not counted.',
      unit: 'reqps',
      width: 6,
      query: 'service:http_requests:rate5m{service="$service"}',
    }),
    figure({
      title: 'Failed',
      says: 'Share answered with 5xx.',
      unit: 'percentunit',
      width: 6,
      query: 'service:http_errors:ratio5m{service="$service"} or vector(0)',
      limits: [0.01, 0.05],
    }),
    figure({
      title: 'Half of the requests within',
      says: 'The median time of an answer.',
      unit: 's',
      width: 6,
      query: `histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket{${own}}[$__rate_interval])))`,
    }),
    figure({
      title: '99 of 100 within',
      says: 'The 99th percentile of the time of an answer.',
      unit: 's',
      width: 6,
      query: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{${own}}[$__rate_interval])))`,
      limits: [0.5, 1],
    }),
    graph({
      title: 'Requests by route',
      says: 'The five that are asked most.',
      unit: 'reqps',
      width: 8,
      links: deeper,
      queries: [
        [
          `topk(5, sum by (method, route) (rate(http_requests_total{${own}}[$__rate_interval])))`,
          '{{method}} {{route}}',
        ],
      ],
    }),
    graph({
      title: 'Answers by status',
      says: '4xx are refusals, 5xx are ours.',
      unit: 'reqps',
      width: 8,
      links: deeper,
      stacked: true,
      queries: [[`sum by (status) (rate(http_requests_total{${own}}[$__rate_interval]))`, '{{status}}']],
    }),
    graph({
      title: '99 of 100 answers within, by route',
      says: 'The five slowest. The points are requests whose trace was kept.',
      unit: 's',
      width: 8,
      links: deeper,
      queries: [
        [
          `topk(5, histogram_quantile(0.99, sum by (route, le) (rate(http_request_duration_seconds_bucket{${own}}[$__rate_interval]))) > 0)`,
          '{{route}}',
        ],
      ],
    }),
    row('Database and queue'),
    graph({
      title: 'Time of a statement',
      says: 'Without waiting for a connection. The gateway has no database.',
      unit: 's',
      width: 8,
      queries: [0.5, 0.99].map((share): readonly [string, string] => [
        `histogram_quantile(${share}, sum by (le) (rate(db_query_duration_seconds_bucket{service="$service"}[$__rate_interval])))`,
        `${share * 100} %`,
      ]),
    }),
    graph({
      title: 'Connections',
      says: 'When requests wait, the pool is too small or the database too slow.',
      unit: 'short',
      width: 8,
      stacked: true,
      queries: [['sum by (state) (db_pool_connections{service="$service"})', '{{state}}']],
    }),
    graph({
      title: 'Jobs and events worked off per minute',
      says: 'By what became of them.',
      unit: 'short',
      width: 8,
      queries: [
        [
          `60 * sum by (task, outcome) (rate(jobs_total{service="$service"}[$__rate_interval]))`,
          '{{task}} {{outcome}}',
        ],
      ],
    }),
    row('Process'),
    graph({
      title: 'CPU',
      says: 'Cores in use by each process.',
      unit: 'percentunit',
      width: 6,
      queries: [['rate(process_cpu_seconds_total{service="$service"}[$__rate_interval])', '{{instance}}']],
    }),
    graph({
      title: 'Memory',
      says: 'Resident, and the part that is JavaScript’s heap.',
      unit: 'bytes',
      width: 6,
      queries: [
        ['process_resident_memory_bytes{service="$service"}', '{{instance}} resident'],
        ['nodejs_heap_size_used_bytes{service="$service"}', '{{instance}} heap'],
      ],
    }),
    graph({
      title: 'Event loop lag',
      says: 'How late timers come.',
      unit: 's',
      width: 6,
      queries: [['nodejs_eventloop_lag_p99_seconds{service="$service"}', '{{instance}}']],
    }),
    graph({
      title: 'Garbage collection',
      says: 'Share of the time that it takes.',
      unit: 'percentunit',
      width: 6,
      queries: [
        [
          'sum by (kind) (rate(nodejs_gc_duration_seconds_sum{service="$service"}[$__rate_interval]))',
          '{{kind}}',
        ],
      ],
    }),
  ],
)
