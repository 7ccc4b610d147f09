import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard'
import { sources } from './sources.ts'

/** A link in the menu of a point or a cell. What stands in `${…}` is put in by Grafana. */
export type DataLink = { title: string; url: string; targetBlank?: boolean }

/** To the page of one service, with the same period. */
export function toService(service: string): DataLink {
  return { title: `Open ${service}`, url: `/d/service?var-service=${service}&\${__url_time_range}` }
}

/**
 * To a service's errors and warnings in the log, with the same period. Grafana has the source only where Loki is set
 * up (docs/observability.md), which the title says to whom it concerns.
 */
export function toLogs(service: string): DataLink {
  return {
    title: `Errors in the log of ${service} (where Loki is set up)`,
    url: explore(sources.logs, { expr: logQuery(`service="${service}"`, '| level=~"warn|error|fatal"') }),
    targetBlank: true,
  }
}

/** To the traces of a service, with the same period, where Tempo is set up. */
export function toTraces(service: string): DataLink {
  return {
    title: `Traces of ${service} (where Tempo is set up)`,
    url: explore(sources.traces, {
      queryType: 'traceql',
      query: `{resource.service.name="${service}"}`,
    }),
    targetBlank: true,
  }
}

/** The query of Loki for lines of our services; labels are those that the collector gives, fields those of the lines. */
export function logQuery(labels: string, filter: string): string {
  return `{${labels}} | json ${filter}`
}

/** An address of Grafana's Explore for one query, with the period of the dashboard that it is called from. */
export function explore(
  source: { type: string; uid: string },
  query: Readonly<Record<string, string>>,
  range: { from: string; to: string } = { from: '${__from}', to: '${__to}' },
): string {
  const pane = {
    datasource: source.uid,
    queries: [{ refId: 'A', datasource: source, ...query }],
    range,
  }
  const encoded = encodeURIComponent(JSON.stringify({ a: pane }))
  // Grafana finds its variables only where they stand as they are.
  const panes = encoded.replaceAll(/%24%7B([\w.]+)%7D/g, '${$1}')
  return `/explore?schemaVersion=1&orgId=1&panes=${panes}`
}

/** The links at the top of every dashboard. */
export function pageLinks(): DashboardLinkBuilder[] {
  return [
    new DashboardLinkBuilder('UrbanBloom')
      .type(DashboardLinkType.Dashboards)
      .tags(['urbanbloom'])
      .asDropdown(true)
      .keepTime(true),
  ]
}
