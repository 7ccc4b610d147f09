import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { allDashboards } from './all.ts'
import { panelsOf } from './ask.ts'
import { logQuery } from './links.ts'
import { sources } from './sources.ts'

type Source = { uid: string; type: string; url: string; jsonData?: Record<string, any> }

const grafana = path.join(import.meta.dirname, '../../../grafana')
const pages = allDashboards()
const links = pages.flatMap((page) =>
  panelsOf(page).flatMap(({ title, fieldConfig }) => {
    const inColumns = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'links').flatMap(({ value }) => value as DashboardLink[]),
    )
    return [...(fieldConfig?.defaults.links ?? []), ...inColumns].map((link) => ({
      from: `${page.title}: ${title}`,
      title: link.title,
      url: link.url ?? '',
    }))
  }),
)

function sourcesIn(file: string): Source[] {
  return (
    (load(readFileSync(path.join(grafana, file), 'utf8')) as { datasources?: Source[] }).datasources ?? []
  )
}

test('a link inside leads to a dashboard that is there, with a variable that it has, and takes the period along', () => {
  const inside = links.filter(({ url }) => url.startsWith('/d/'))
  expect(inside.length).toBeGreaterThan(5)
  for (const { url, from } of inside) {
    const [, uid, variable] = /^\/d\/([\w-]+)\?var-(\w+)=\$\{[\w.]+\}&\$\{__url_time_range\}$/.exec(url) ?? []
    const page = pages.find((each) => each.uid === uid)
    expect(
      page?.templating?.list?.map(({ name }) => name),
      `${from} → ${url}`,
    ).toContain(variable)
  }
})

test('a link to logs or traces asks the source for them, for one service and the same period', () => {
  const outside = links.filter(({ url }) => !url.startsWith('/d/'))
  expect(outside.length).toBeGreaterThan(20)
  for (const { url, title, from } of outside) {
    const panes = /^\/explore\?schemaVersion=1&orgId=1&panes=(.+)$/.exec(url)?.[1] ?? ''
    // As Grafana does it: first its variables, then the address is decoded.
    const filled = panes.replaceAll(/\$\{([\w.]+)\}/g, (_, name: string) =>
      /__(?:from|to)/.test(name) ? '1' : 'order',
    )
    expect(panes, from).toContain('${__from}')
    const { a: pane } = JSON.parse(decodeURIComponent(filled))
    const source = title.includes('log') ? sources.logs : sources.traces
    expect(pane, from).toMatchObject({
      datasource: source.uid,
      queries: [{ refId: 'A', datasource: source }],
      range: { from: '1', to: '1' },
    })
    expect(JSON.stringify(pane.queries), from).toMatch(/service\S*=\\"(?:order|payment|delivery-routing)\\"/)
    expect(title).toMatch(/\(where (?:Loki|Tempo) is set up\)$/)
  }
})

test('the pages on which something can be wrong lead on from every graph of it', () => {
  const from = (title: string) =>
    new Set(links.filter((link) => link.from.startsWith(`${title}: `)).map((link) => link.from))
  expect(from('System health').size).toBeGreaterThanOrEqual(7)
  expect(from('Service').size).toBeGreaterThanOrEqual(3)
  for (const title of ['Checkout', 'Money', 'Delivery'])
    expect(from(title).size, title).toBeGreaterThanOrEqual(3)
})

test('graphs of times ask for exemplars, which lead to the trace and to its lines in the log', () => {
  const quantiles = pages
    .flatMap(panelsOf)
    .filter(({ type }) => type === 'timeseries')
    .flatMap(({ targets = [] }) => targets as { expr?: string; exemplar?: boolean }[])
    .filter(({ expr }) => expr?.includes('histogram_quantile'))
  expect(quantiles.length).toBeGreaterThan(5)
  for (const { expr, exemplar } of quantiles) expect(exemplar, expr).toBe(true)
  const [prometheus] = sourcesIn('provisioning/datasources/prometheus.yaml')
  const [toTrace, toLines] = prometheus?.jsonData?.exemplarTraceIdDestinations ?? []
  expect(toTrace).toMatchObject({ name: 'trace_id', datasourceUid: sources.traces.uid })
  expect(toLines.name).toBe('trace_id')
  const panes = new URL(toLines.url, 'http://grafana').searchParams.get('panes') ?? ''
  const { a: pane } = JSON.parse(panes.replaceAll('$${__value.raw}', 'abc'))
  expect(pane.queries[0]).toMatchObject({
    datasource: sources.logs,
    expr: logQuery('service=~".+"', '| traceId="abc"'),
  })
})

test('every source has the uid and the type that the dashboards call it by', () => {
  const provisioned = [
    ...sourcesIn('provisioning/datasources/prometheus.yaml'),
    ...sourcesIn('provisioning/datasources/postgres.yaml'),
  ]
  expect(provisioned.map(({ uid, type }) => ({ type, uid }))).toEqual([sources.metrics, sources.database])
  const [loki] = sourcesIn('sources/loki.yaml')
  const [tempo] = sourcesIn('sources/tempo.yaml')
  expect([loki, tempo].map((source) => ({ type: source?.type, uid: source?.uid }))).toEqual([
    sources.logs,
    sources.traces,
  ])
  // From a line to its trace, and from a span to the lines of its trace.
  expect(loki?.jsonData?.derivedFields).toMatchObject([{ datasourceUid: sources.traces.uid }])
  const [field] = loki?.jsonData?.derivedFields ?? []
  expect(
    new RegExp(field.matcherRegex).exec('{"level":30,"traceId":"0af7651916cd43dd8448eb211c80319c"}')?.[1],
  ).toBe('0af7651916cd43dd8448eb211c80319c')
  expect(tempo?.jsonData?.tracesToLogsV2).toMatchObject({ datasourceUid: sources.logs.uid })
  expect(sourcesIn('sources/none.yaml')).toEqual([])
})
