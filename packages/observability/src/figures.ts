import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository, serviceNames } from '@urbanbloom/local/programs'

/** What `prom-client` says of Node and of the process. */
export const runtimeFigures = /^(nodejs_|process_)/

/** What rules use of others: Prometheus itself, kube-state-metrics, cAdvisor, and the exporters of nodes and servers. */
export const exporterFigures: readonly string[] = [
  'up',
  'ALERTS',
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

/**
 * Every string constant of the services' code and of the kit: names of figures, patterns of routes and values of
 * labels are among them. A value of a label that is none of them was computed, so nothing bounds how many there are.
 */
export function constantsOfTheCode(): ReadonlySet<string> {
  const folders = [
    ...serviceNames.map((name) => `services/${name}/src`),
    'packages/service-kit/src',
    'packages/contracts/src',
  ]
  const texts = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(repository, folder, file), 'utf8')),
  )
  const constants = texts.flatMap((text) =>
    [...text.matchAll(/'([^'\n]{1,120})'/g)].map(([, value]) => String(value)),
  )
  return new Set(constants)
}

/** The figure that a series belongs to: a histogram's three kinds of series are one. */
export function figureOf(series: string, constants: ReadonlySet<string>): string {
  return constants.has(series) ? series : series.replace(/_(bucket|sum|count)$/, '')
}
