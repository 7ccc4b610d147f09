import type pg from 'pg'
import type { Metrics } from './metrics.ts'
import { createSampled } from './sampled.ts'

/** More jobs than this are counted as this many, so that a long queue does not make the counting dear. */
const COUNTED_AT_MOST = 10_000

/** How many jobs wait, how many were given up, and how long the oldest has been due: the lag of events. */
export function measureQueue({
  schema,
  pool,
  metrics,
}: {
  schema: string
  pool: pg.Pool
  metrics: Metrics
}): void {
  const queue = createSampled(async () => {
    const { rows } = await pool.query<{ dead: number; due: number; lag: string | null }>(
      `select count(*) filter (where attempts >= max_attempts) as dead,
              count(*) filter (where attempts < max_attempts and run_at <= now()) as due,
              max(extract(epoch from now() - case when attempts = 0 then run_at else created_at end))
                filter (where attempts < max_attempts and (attempts > 0 or run_at <= now())) as lag
       from (select attempts, max_attempts, run_at, created_at from ${schema}.jobs
             limit ${COUNTED_AT_MOST}) as jobs`,
    )
    const [row] = rows
    return { dead: row?.dead ?? 0, due: row?.due ?? 0, lagSeconds: Number(row?.lag ?? 0) }
  })
  metrics.sampled('jobs_waiting', 'Jobs in the queue by state', ['state'], queue, (gauge, { dead, due }) => {
    gauge.set({ state: 'dead_letter' }, dead)
    gauge.set({ state: 'due' }, due)
  })
  metrics.sampled(
    'jobs_lag_seconds',
    'How long the oldest job has been due, failed tries included; 0 when none is',
    [],
    queue,
    (gauge, { lagSeconds }) => gauge.set(Math.max(0, lagSeconds)),
  )
}
