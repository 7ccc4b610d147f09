import type { Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import { database } from './sources.ts'

/** A query of Grafana's Postgres source, for which its library has no builder. */
export type SqlQuery = Dataquery & {
  refId: string
  datasource: typeof database
  format: 'table' | 'time_series'
  rawQuery: true
  rawSql: string
  editorMode: 'code'
}

/** Asked with the role of dashboards, which reads views alone. */
export function sql(rawSql: string, format: SqlQuery['format'] = 'table', refId = 'A') {
  return {
    build: (): SqlQuery => ({
      refId,
      datasource: database,
      format,
      rawQuery: true,
      rawSql: rawSql.replaceAll(/\s+/g, ' ').trim(),
      editorMode: 'code',
      _implementsDataqueryVariant: () => undefined,
    }),
  }
}
