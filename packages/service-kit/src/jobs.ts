import { type JobHelpers, Logger, type Runner, run as runQueue, type TaskList } from 'graphile-worker'
import type pg from 'pg'
import type { Counter } from 'prom-client'
import type { Db } from './db.ts'
import { newId } from './ids.ts'
import { createJobLocks, type JobLocks } from './job-locks.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { recurring } from './recurring.ts'
import { runInContext, traceparentFrom } from './request-context.ts'

export type Jobs = ReturnType<typeof createJobs>
export type Task = (payload: never) => Promise<void>

/**
 * Jobs are fetched and finished in batches. The library wakes every queue of the database at each new job, also of
 * other services; the delay bounds a service to about 20 fetches a second. A wake-up that comes during a fetch which
 * finds nothing is forgotten by the library, so polling stays frequent.
 */
function batching(longestWaitMs: number) {
  return {
    pollInterval: 400,
    localQueue: {
      size: 40,
      ttl: longestWaitMs,
      refetchDelay: { durationMs: 50, threshold: 0, maxAbortThreshold: 40 },
    },
    completeJobBatchDelay: 20,
    failJobBatchDelay: 20,
  }
}

type EnqueueOptions = {
  /** A second job with the same key replaces the first while that has not started. */
  jobKey?: string
  runAt?: Date
  maxAttempts?: number
}

/** With graphile-worker's backoff (e^attempt seconds, at most e^10) 16 tries last about a day. */
const MAX_ATTEMPTS = 16
const RESTART_DELAY_MS = 1_000
/**
 * The service's own queue in the schema `<service schema>_jobs`. `enqueue` joins the caller's transaction: the job
 * exists if and only if the transaction commits. Jobs run at least once, in any order, on any replica. A job that
 * takes longer than `timeoutMs` fails and is tried again; what a process that died had in hand is taken over.
 */
export function createJobs(options: {
  schema: string
  pool: pg.Pool
  timeoutMs: number
  log: Log
  metrics: Metrics
  concurrency?: number
}) {
  const { schema, pool, timeoutMs, log } = options
  const finished = options.metrics.counter('jobs_total', 'Jobs worked off, by task and outcome', [
    'task',
    'outcome',
  ])
  measureDeadLetters(options)
  const locks = createJobLocks(options)
  let runner: Runner | undefined
  let stopping = false
  let supervised: Promise<void> = Promise.resolve()
  let stopRenewing: (() => Promise<void>) | undefined

  async function supervise(taskList: TaskList): Promise<void> {
    while (!stopping) {
      try {
        runner = await runQueue({
          pgPool: pool,
          schema,
          taskList,
          noHandleSignals: true,
          events: locks.events,
          logger: quietLogger(log, () => stopping),
          preset: { worker: { concurrentJobs: options.concurrency ?? 4, ...batching(locks.renewEveryMs) } },
        })
        if (stopping) await runner.stop()
        await runner.promise
      } catch (err) {
        if (!stopping) log.warn({ err }, 'the job runner stopped; it starts again')
      }
      if (!stopping) await new Promise((resolve) => setTimeout(resolve, RESTART_DELAY_MS))
    }
  }

  return {
    schema,
    /** Adds a job in the transaction `tx`. */
    async enqueue(
      tx: Db,
      task: string,
      payload: object,
      { jobKey, runAt, maxAttempts }: EnqueueOptions = {},
    ) {
      await tx.query(
        `select 1 from ${schema}.add_job($1, payload := $2::json, run_at := $3, max_attempts := $4, job_key := $5)`,
        [task, JSON.stringify(payload), runAt ?? null, maxAttempts ?? MAX_ATTEMPTS, jobKey ?? null],
      )
    },
    /** Begins to work jobs off. A database that goes away only pauses it. */
    start(tasks: Record<string, Task>): void {
      const list = Object.entries(tasks).map(([name, task]) => [
        name,
        observed(name, task, { log, finished, timeoutMs, locks }),
      ])
      supervised = supervise(Object.fromEntries(list))
      stopRenewing = recurring('renew_job_locks', locks.renewEveryMs, () => locks.renew(), log)
    },
    /** Finishes the jobs under way and takes no more. */
    async stop(): Promise<void> {
      stopping = true
      await runner?.stop().catch(() => undefined)
      await supervised
      await locks.settled()
      // What was fetched and not begun is free for others at once, also where the library has lost track of it.
      await locks.giveBack()
      await stopRenewing?.()
    },
  }
}

type Observer = {
  log: Log
  finished: Counter<'task' | 'outcome'>
  timeoutMs: number
  locks: JobLocks
}

/** Runs a job in a context and within a time of its own, and counts and logs its outcome. */
function observed(name: string, task: Task, { log, finished, timeoutMs, locks }: Observer) {
  return (payload: unknown, { job }: JobHelpers): Promise<void> => {
    const traceparent = traceparentFrom((payload as { traceparent?: string } | null)?.traceparent)
    const context = { requestId: newId(), traceparent, deadlineAt: performance.now() + timeoutMs }
    const run = runInContext(context, async () => {
      try {
        await within(timeoutMs, task(payload as never))
        finished.inc({ task: name, outcome: 'done' })
      } catch (err) {
        finished.inc({ task: name, outcome: 'failed' })
        log.warn({ err, task: name }, 'a job failed; it is tried again later')
        throw err
      }
    })
    locks.hold(job.id, run)
    return run
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The job took longer than ${limitMs} ms`)), limitMs)
  })
  try {
    await Promise.race([work, expiry])
  } finally {
    clearTimeout(timer)
  }
}

function measureDeadLetters({
  schema,
  pool,
  metrics,
}: {
  schema: string
  pool: pg.Pool
  metrics: Metrics
}): void {
  metrics.gauge('jobs_waiting', 'Jobs in the queue by state', ['state'], async (gauge) => {
    const { rows } = await pool
      .query<{ dead: number; due: number }>(
        `select count(*) filter (where attempts >= max_attempts) as dead,
              count(*) filter (where attempts < max_attempts and run_at <= now()) as due
       from (select attempts, max_attempts, run_at from ${schema}.jobs limit 10000) as jobs`,
      )
      .catch(() => ({ rows: [] }))
    gauge.set({ state: 'dead_letter' }, rows[0]?.dead ?? 0)
    gauge.set({ state: 'due' }, rows[0]?.due ?? 0)
  })
}

/**
 * graphile-worker logs every job it starts at info; only its warnings are for our log. While it stops with jobs that it
 * has fetched and not begun, version 0.18 reports errors of its own making although it gives the jobs back.
 */
function quietLogger(log: Log, isStopping: () => boolean) {
  return new Logger(() => (level, message) => {
    if (level !== 'error' && level !== 'warning') return
    log[isStopping() ? 'debug' : 'warn']({ queue: true }, message)
  })
}
