// Draws the dashboards with the values of now:
// `npm run dashboards:draw -- <folder> [--prometheus http://127.0.0.1:9090] [--theme dark] [--minutes 15]
// [--end <seconds since the epoch>]`,
// with DASHBOARD_DATABASE_URL for the role grafana_reader.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { allDashboards } from './all.ts'
import type { Row } from './ask.ts'
import { draw } from './draw.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    theme: { type: 'string', default: 'light' },
    minutes: { type: 'string', default: '15' },
    end: { type: 'string' },
  },
})
const folder = positionals[0] ?? 'dashboards'
const databaseUrl = process.env.DASHBOARD_DATABASE_URL
const pool = databaseUrl === undefined ? undefined : new pg.Pool({ connectionString: databaseUrl, max: 4 })

const sources = {
  prometheusUrl: values.prometheus,
  runSql: async (statement: string) => {
    if (pool === undefined) throw new Error('DASHBOARD_DATABASE_URL is not set')
    return (await pool.query<Row>(statement)).rows
  },
  seconds: Number(values.minutes) * 60,
  ...(values.end !== undefined && { end: Number(values.end) }),
}
mkdirSync(folder, { recursive: true })
for (const dashboard of allDashboards()) {
  const file = path.join(folder, `${dashboard.uid}.svg`)
  writeFileSync(file, await draw(dashboard, sources, values.theme === 'dark' ? 'dark' : 'light'))
  console.log(file)
}
await pool?.end()
