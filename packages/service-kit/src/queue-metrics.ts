import type pg from 'pg'
import type { Metrics } from './metrics.ts'
import { createSampled } from './sampled.ts'

/** More jobs than this are counted as this many, so that a long queue does not make the counting dear. */
const COUNTED_AT_MOST = 50_000
/** What is counted for tasks that this version does not know, so that the label has as many values as the code has tasks. */
const OTHER = 'other'

type Count = { task: string; dead: number; due: number; lagSeconds: number }

/** How many jobs of each task wait, how many were given up, and how long the oldest has been due: the lag of events. */
export function measureQueue({
  schema,
  pool,
  metrics,
  tasks,
}: {
  schema: string
  pool: pg.Pool
  metrics: Metrics
  /** The names of the tasks that this version knows. */
  tasks: () => readonly string[]
}): void {
  const queue = createSampled(async () => {
    const { rows } = await pool.query<Count>(
      `select coalesce(tasks.identifier, $1::text) as task,
              count(*) filter (where attempts >= max_attempts)::integer as dead,
              count(*) filter (where attempts < max_attempts and run_at <= now())::integer as due,
              coalesce(extract(epoch from now() - min(coalesce(created_at, run_at))
                filter (where attempts < max_attempts and run_at <= now())), 0)::double precision as "lagSeconds"
       from (select task_id, attempts, max_attempts, run_at, created_at from ${schema}._private_jobs
             limit ${COUNTED_AT_MOST}) as jobs
       left join ${schema}._private_tasks as tasks on tasks.id = jobs.task_id
         and tasks.identifier = any ($2::text[])
       group by 1`,
      [OTHER, tasks()],
    )
    return [...tasks(), OTHER].map(
      (task) => rows.find((row) => row.task === task) ?? { task, dead: 0, due: 0, lagSeconds: 0 },
    )
  })
  metrics.sampled(
    'jobs_waiting',
    'Jobs in the queue by task and state',
    ['task', 'state'],
    queue,
    (gauge, counts) => {
      for (const { task, dead, due } of counts) {
        gauge.set({ task, state: 'dead_letter' }, dead)
        gauge.set({ task, state: 'due' }, due)
      }
    },
  )
  metrics.sampled(
    'jobs_lag_seconds',
    'How long ago the oldest job that is due was enqueued; 0 when none is',
    [],
    queue,
    (gauge, counts) => gauge.set(Math.max(0, ...counts.map(({ lagSeconds }) => lagSeconds))),
  )
}
