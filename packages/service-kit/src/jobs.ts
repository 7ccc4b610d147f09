import { type JobHelpers, Logger, type Runner, run as runQueue, type TaskList } from 'graphile-worker'
import type { Counter } from 'prom-client'
import { createDatabaseOutage } from './database-outage.ts'
import { type Database, type Db, isDatabaseAway } from './db.ts'
import { newId } from './ids.ts'
import { createJobLocks, type JobLocks } from './job-locks.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { measureQueue } from './queue-metrics.ts'
import { recurring } from './recurring.ts'
import { currentContext, runInContext, traceparentFrom } from './request-context.ts'
import { startSpan } from './tracing.ts'

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

type JobsOptions = {
  schema: string
  db: Database
  timeoutMs: number
  log: Log
  metrics: Metrics
  concurrency?: number
  /** Tasks of this queue that only other processes of the service work off; for the metrics. */
  otherTasks?: readonly string[]
}

/**
 * The service's own queue in the schema `<service schema>_jobs`. `enqueue` joins the caller's transaction: the job
 * exists if and only if the transaction commits. Jobs run at least once, in any order, on any replica. A job that
 * takes longer than `timeoutMs` fails and is tried again; what a process that died had in hand is taken over.
 */
export function createJobs(options: JobsOptions) {
  const { schema, db, timeoutMs, log } = options
  const finished = options.metrics.counter('jobs_total', 'Jobs worked off, by task and outcome', [
    'task',
    'outcome',
  ])
  const taskNames = new Set(options.otherTasks)
  measureQueue({ schema, pool: db.pool, metrics: options.metrics, tasks: () => [...taskNames] })
  const queue = createDatabaseOutage({ log, explain: (err) => db.explain(err), what: `the queue ${schema}` })
  const locks = createJobLocks(options)
  let runner: Runner | undefined
  let stopping = false
  let supervised: Promise<void> = Promise.resolve()
  let stopRenewing: (() => Promise<void>) | undefined

  async function supervise(taskList: TaskList): Promise<void> {
    while (!stopping) {
      try {
        runner = await startRunner(options, { taskList, locks, isStopping: () => stopping })
        db.outage.answered()
        queue.answered()
        if (stopping) await runner.stop()
        await runner.promise
      } catch (err) {
        if (stopping) return
        if (isDatabaseAway(err)) db.outage.failed(err)
        else queue.failed(err)
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
      // What the job does belongs to the trace of what caused it.
      const caused = { traceparent: currentContext()?.traceparent, ...payload }
      await tx.query(
        `select 1 from ${schema}.add_job($1, payload := $2::json, run_at := $3, max_attempts := $4, job_key := $5)`,
        [task, JSON.stringify(caused), runAt ?? null, maxAttempts ?? MAX_ATTEMPTS, jobKey ?? null],
      )
    },
    /** Begins to work jobs off. A database that goes away only pauses it. */
    start(tasks: Record<string, Task>): void {
      for (const name of Object.keys(tasks)) taskNames.add(name)
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

function startRunner(
  { schema, db, log, concurrency = 4 }: JobsOptions,
  { taskList, locks, isStopping }: { taskList: TaskList; locks: JobLocks; isStopping: () => boolean },
): Promise<Runner> {
  return runQueue({
    pgPool: db.pool,
    schema,
    taskList,
    noHandleSignals: true,
    events: locks.events,
    logger: quietLogger({ log, db, isStopping }),
    preset: { worker: { concurrentJobs: concurrency, ...batching(locks.renewEveryMs) } },
  })
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
    const parent = traceparentFrom((payload as { traceparent?: string } | null)?.traceparent)
    const span = startSpan(() => `process ${name}`, 'consumer', { parent })
    const traceparent = span?.traceparent ?? parent
    const context = { requestId: newId(), traceparent, deadlineAt: performance.now() + timeoutMs }
    const run = runInContext(context, async () => {
      try {
        await within(timeoutMs, task(payload as never))
        finished.inc({ task: name, outcome: 'done' })
        span?.end()
      } catch (err) {
        finished.inc({ task: name, outcome: 'failed' })
        span?.end({ failure: err })
        const level = isDatabaseAway(err) ? 'debug' : 'warn'
        log[level]({ err, task: name }, 'a job failed; it is tried again later')
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

/**
 * graphile-worker logs every job it starts at info; only its warnings are for our log. While it stops with jobs that it
 * has fetched and not begun, version 0.18 reports errors of its own making although it gives the jobs back. While the
 * database is away it reports each thing that it tries.
 */
function quietLogger({ log, db, isStopping }: { log: Log; db: Database; isStopping: () => boolean }) {
  return new Logger(() => (level, message, meta) => {
    if (level !== 'error' && level !== 'warning') return
    if (isDatabaseAway(meta?.error)) db.outage.failed(meta?.error)
    log[isStopping() || db.outage.isAway() ? 'debug' : 'warn']({ queue: true }, message)
  })
}
