import { figure, graph, row, tableOf } from './elements.ts'
import { toLogs, toService, toTraces } from './links.ts'
import { page } from './page.ts'

/** Our own processes: an exporter's figures of itself bear the name of what it looks at. */
const ours = 'service!~"|alertmanager|grafana|kubernetes|postgres|prometheus|redis"'
const service = '${__field.labels.service}'
const ofService = [toService(service), toLogs(service), toTraces(service)]

/** The first look: is anything wrong, and where. */
export const systemHealth = page(
  'system-health',
  'System health',
  {
    says: 'Whether all services answer, how fast, and what they have left. Start here.',
  },
  [
    figure({
      title: 'Processes that answer',
      says: 'Processes whose figures Prometheus can read, of all that it knows.',
      unit: 'percentunit',
      width: 4,
      query: 'avg(up{service!=""})',
      limits: [1, 0.9],
    }),
    figure({
      title: 'Alerts',
      says: 'That fire, without the watchdog, which always fires.',
      unit: 'short',
      width: 4,
      query: 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)',
      limits: [1, 3],
    }),
    figure({
      title: 'Requests',
      says: 'What people and programs ask of the gateway.',
      unit: 'reqps',
      width: 4,
      query: 'service:http_requests:rate5m{service="gateway"}',
    }),
    figure({
      title: 'Failed requests',
      says: 'Share that the gateway answered with 5xx.',
      unit: 'percentunit',
      width: 4,
      query: 'service:http_errors:ratio5m{service="gateway"} or vector(0)',
      limits: [0.01, 0.05],
    }),
    figure({
      title: 'Active in 15 minutes',
      says: 'Accounts that were in use.',
      unit: 'short',
      width: 4,
      query: 'max(active_users{within="15m"})',
    }),
    figure({
      title: 'Dead letters',
      says: 'Events and jobs that were given up. A person has to look at each.',
      unit: 'short',
      width: 4,
      query: 'sum(max by (service, task) (jobs_waiting{state="dead_letter"})) or vector(0)',
      limits: [1, 10],
    }),
    row('What is wrong'),
    tableOf({
      title: 'Alerts that fire',
      says: 'The runbook of each is docs/runbooks/<alert>.md.',
      unit: 'short',
      width: 8,
      query:
        'sort_desc(max by (severity, alertname, service) (ALERTS{alertstate="firing",severity!="none"}))',
      columns: { alertname: 'alert', service: 'service', severity: 'severity' },
      empty: 'Nothing is wrong',
    }),
    graph({
      title: 'Failed requests by service',
      says: 'Share answered with 5xx. The dashed line is where an alert comes.',
      unit: 'percentunit',
      width: 8,
      queries: [['service:http_errors:ratio5m', '{{service}}']],
      limit: 0.05,
      links: ofService,
    }),
    tableOf({
      title: 'Slowest routes',
      says: 'The 99th percentile of the last five minutes.',
      unit: 's',
      width: 8,
      query: 'sort_desc(topk(10, service_route:http_request_duration_seconds:p99_5m > 0))',
      columns: { service: 'service', route: 'route' },
      value: '99 of 100 within',
      limits: [0.5, 1],
      links: [toService('${__value.text}'), toLogs('${__value.text}'), toTraces('${__value.text}')],
    }),
    row('What they have left'),
    graph({
      title: 'CPU of the busiest process',
      says: 'The busiest process of each service, in cores. Node uses little more than one: at 80 % for five minutes an alert comes.',
      unit: 'percentunit',
      width: 8,
      queries: [
        [`max by (service) (rate(process_cpu_seconds_total{${ours}}[$__rate_interval]))`, '{{service}}'],
      ],
      limit: 0.8,
      links: ofService,
    }),
    graph({
      title: 'Memory of the largest process',
      says: 'What the largest process of each service holds of the machine.',
      unit: 'bytes',
      width: 8,
      queries: [[`max by (service) (process_resident_memory_bytes{${ours}})`, '{{service}}']],
      links: ofService,
    }),
    graph({
      title: 'Event loop lag',
      says: 'How late timers come: the process is busy with something long.',
      unit: 's',
      width: 8,
      queries: [['max by (service) (nodejs_eventloop_lag_p99_seconds)', '{{service}}']],
      links: ofService,
    }),
    graph({
      title: 'Database connections in use',
      says: 'Share of each service’s pool that is busy.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        [
          'max by (service) (db_pool_connections{state="busy"} / on (service, instance) db_pool_size)',
          '{{service}}',
        ],
      ],
      limit: 0.9,
      links: ofService,
    }),
    graph({
      title: 'Lag of events and jobs',
      says: 'How long the oldest has been due.',
      unit: 's',
      width: 8,
      queries: [['max by (service) (jobs_lag_seconds)', '{{service}}']],
      links: ofService,
    }),
    graph({
      title: 'Requests by service',
      says: 'Every service, calls among themselves included.',
      unit: 'reqps',
      width: 8,
      queries: [['service:http_requests:rate5m', '{{service}}']],
      stacked: true,
      links: ofService,
    }),
  ],
)
