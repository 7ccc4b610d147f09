import type pg from 'pg'
import { figure, formatTable } from './table.ts'

const TOP = 25

/** Begins to count the statements of all services anew. The server must have been started with the extension loaded. */
export async function resetStatementCosts(db: pg.Pool): Promise<void> {
  await db.query('create extension if not exists pg_stat_statements schema extensions')
  await db.query('select extensions.pg_stat_statements_reset()')
}

/** Prints the statements that took the server longest, for one of `requests`: how often and how long. */
export async function printStatementCosts(db: pg.Pool, requests: number): Promise<void> {
  const { rows } = await db.query<{ role: string; calls: string; ms: number; wal: number; text: string }>(
    `select r.rolname as role, s.calls, s.total_exec_time + s.total_plan_time as ms, s.wal_bytes::float8 as wal,
       regexp_replace(s.query, '\\s+', ' ', 'g') as text
     from extensions.pg_stat_statements s join pg_roles r on r.oid = s.userid
     where r.rolname like '%_service' order by ms desc limit $1`,
    [TOP],
  )
  const head = ['statement', 'role', 'calls for one', 'ms for one', 'WAL bytes for one']
  const lines = rows.map(({ role, calls, ms, wal, text }) => [
    text.slice(0, 90),
    role.replace('_service', ''),
    figure(Number(calls) / requests),
    figure(ms / requests),
    figure(wal / requests),
  ])
  console.log(`\n${formatTable([head, ...lines])}`)
}
