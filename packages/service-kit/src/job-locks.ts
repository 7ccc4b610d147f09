import { EventEmitter } from 'node:events'
import type { Db } from './db.ts'

/** A lock that nobody has renewed for this long belongs to a process that died or that could not record the end. */
const ABANDONED_AFTER_MS = 15_000

export type JobLocks = ReturnType<typeof createJobLocks>

/**
 * Renews the locks of the jobs that are under way here, and frees those that nobody renews, so that a killed process
 * or a database that was away delays a job by seconds. graphile-worker by itself frees a lock after four hours.
 */
export function createJobLocks({ schema, db, timeoutMs }: { schema: string; db: Db; timeoutMs: number }) {
  const abandonedAfterMs = Math.min(timeoutMs, ABANDONED_AFTER_MS)
  const underWay = new Map<string, Promise<void>>()
  const poolIds: string[] = []
  const events = new EventEmitter()
  events.on('pool:create', ({ workerPool }: { workerPool: { id: string } }) => poolIds.push(workerPool.id))

  return {
    /** For the runner, so that we know under which names it locks. */
    events,
    /** How often `renew` must run, and how long a job may wait in the local queue without being renewed. */
    renewEveryMs: Math.floor(abandonedAfterMs / 3),
    /** Counts a job as under way until `run` ends. */
    hold(jobId: string, run: Promise<void>): void {
      const ended = run.catch(() => undefined)
      underWay.set(jobId, ended)
      void ended.then(() => underWay.delete(jobId))
    },
    async renew(): Promise<void> {
      const ids = [...underWay.keys()]
      if (ids.length > 0) {
        await db.query(
          `update ${schema}._private_jobs set locked_at = now() where id = any($1) and locked_at is not null`,
          [ids],
        )
      }
      await db.query(
        `update ${schema}._private_jobs set locked_at = null, locked_by = null
         where locked_at < now() - $1::integer * interval '1 millisecond'`,
        [abandonedAfterMs],
      )
    },
    /** Frees whatever our worker pools still have locked. Without a database the locks run out by themselves. */
    async giveBack(): Promise<void> {
      await db.query(`select ${schema}.force_unlock_workers($1)`, [poolIds]).catch(() => undefined)
    },
    /** Resolves when every job that was under way has ended. */
    async settled(): Promise<void> {
      await Promise.all(underWay.values())
    },
  }
}
