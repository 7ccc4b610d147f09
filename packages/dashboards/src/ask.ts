import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { SqlQuery } from './sql.ts'

export type Series = {
  name: string
  labels: Readonly<Record<string, string>>
  points: readonly (readonly [secondsSinceEpoch: number, value: number])[]
}
export type Row = Record<string, unknown>

/** What one query of a panel was answered. */
export type Answer = { refId: string; series?: Series[]; rows?: Row[]; error?: string }

/** Where the two data sources of the dashboards answer. */
export type Sources = {
  prometheusUrl: string
  /** Runs one statement with the role of dashboards. */
  runSql: (statement: string) => Promise<Row[]>
  /** The stretch of time that a dashboard would show, in seconds. */
  seconds: number
  /** When it ends, in seconds since the epoch; now unless given. */
  end?: number
}

type PromQuery = { refId: string; expr: string; legendFormat?: string; instant?: boolean }

const STEPS = 60
const ANSWER_LIMIT_MS = 10_000
/** What Grafana puts in for `$__rate_interval`: four times the scrape interval, here for one of a second. */
const RATE_INTERVAL = '30s'

export function panelsOf(dashboard: Dashboard): Panel[] {
  return (dashboard.panels ?? []).filter((panel): panel is Panel => panel.type !== 'row')
}

/** Asks everything that a panel asks, as Grafana would. */
export function askPanel(dashboard: Dashboard, panel: Panel, sources: Sources): Promise<Answer[]> {
  return Promise.all(
    (panel.targets ?? []).map(async (target): Promise<Answer> => {
      const query = target as unknown as PromQuery | SqlQuery
      const { refId } = query
      try {
        if ('rawSql' in query) return { refId, rows: await sources.runSql(query.rawSql) }
        return { refId, series: await askPrometheus(expand(dashboard, query.expr), query, sources) }
      } catch (err) {
        return { refId, error: (err as Error).message }
      }
    }),
  )
}

/** Puts in what Grafana's variables stand for: intervals, and the values that the dashboard begins with. */
function expand({ templating }: Dashboard, expression: string): string {
  return (templating?.list ?? []).reduce(
    (text, { name, current }) => text.replaceAll(`$${name}`, String(current?.value ?? '.*')),
    expression.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll('$__interval', RATE_INTERVAL),
  )
}

/** What Prometheus answers for a stretch of time, and for a moment. */
type Sample = [seconds: number, value: string]
type Result =
  | { metric: Record<string, string>; values: Sample[] }
  | { metric: Record<string, string>; value: Sample }

async function askPrometheus(expr: string, query: PromQuery, sources: Sources): Promise<Series[]> {
  const end = sources.end ?? Date.now() / 1_000
  const parameters = new URLSearchParams(
    query.instant === true
      ? { query: expr, time: String(end) }
      : {
          query: expr,
          start: String(end - sources.seconds),
          end: String(end),
          step: String(Math.max(1, Math.round(sources.seconds / STEPS))),
        },
  )
  const path = query.instant === true ? 'query' : 'query_range'
  const answer = await fetch(`${sources.prometheusUrl}/api/v1/${path}?${parameters.toString()}`, {
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  })
  const body = (await answer.json()) as { status: string; error?: string; data: { result: Result[] } }
  if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`)
  return body.data.result.map((result) => ({
    name: nameOf(result.metric, query.legendFormat),
    labels: result.metric,
    points: ('values' in result ? result.values : [result.value]).map(
      ([at, value]) => [at, Number(value)] as const,
    ),
  }))
}

function nameOf(metric: Record<string, string>, format = ''): string {
  const named = format.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '')
  if (named !== '') return named
  const { __name__, ...labels } = metric
  return Object.values(labels).join(' ') || (__name__ ?? '')
}
