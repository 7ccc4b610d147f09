import { Logger, type Runner, run, runMigrations } from 'graphile-worker'
import type pg from 'pg'
import { PgBoss } from 'pg-boss'

/** A Postgres queue as the comparison uses it. */
export type Queue = {
  name: string
  setUp(pool: pg.Pool): Promise<void>
  /** Adds a job in the transaction that is open on `client`. */
  enqueue(client: pg.PoolClient, sequence: number): Promise<void>
  /** Begins to work jobs off; `handle` gets the sequence of each. */
  start(pool: pg.Pool, handle: (sequence: number) => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const silent = new Logger(() => () => undefined)

/** graphile-worker: job by job as our services run it, or with jobs fetched and completed in batches. */
export function graphileWorker({ batches }: { batches: boolean }): Queue {
  const schema = batches ? 'graphile_batches' : 'graphile_single'
  let runner: Runner | undefined
  return {
    name: batches ? 'graphile-worker, local queue of 500' : 'graphile-worker, as configured in service-kit',
    setUp: (pgPool) => runMigrations({ pgPool, schema, logger: silent }),
    async enqueue(client, sequence) {
      await client.query({
        name: `add to ${schema}`,
        text: `select 1 from ${schema}.add_job($1, payload := $2::json, max_attempts := 16)`,
        values: ['event', JSON.stringify({ sequence })],
      })
    },
    async start(pgPool, handle) {
      runner = await run({
        pgPool,
        schema,
        taskList: { event: (payload) => handle((payload as { sequence: number }).sequence) },
        concurrency: 4,
        pollInterval: 2_000,
        noHandleSignals: true,
        logger: silent,
        ...(batches && {
          preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        }),
      })
    },
    stop: async () => runner?.stop(),
  }
}

/** pg-boss in batches of 100, without which it takes one job for each poll. */
export function pgBoss(connectionString: string): Queue {
  const boss = new PgBoss({ connectionString, max: 6, useListenNotify: true })
  boss.on('error', (err) => console.error(err))
  return {
    name: 'pg-boss, batches of 100',
    async setUp() {
      await boss.start()
      await boss.createQueue('event', { notify: true })
    },
    async enqueue(client, sequence) {
      const executeSql = (text: string, values?: unknown[]) => client.query(text, values)
      await boss.send('event', { sequence }, { db: { executeSql }, retryLimit: 16 })
    },
    async start(_pool, handle) {
      const options = { batchSize: 100, localConcurrency: 1, burstWhenBatchFull: true }
      await boss.work<{ sequence: number }>('event', options, async (jobs) => {
        await Promise.all(jobs.map(({ data }) => handle(data.sequence)))
      })
    },
    stop: () => boss.stop({ graceful: true, timeout: 5_000 }),
  }
}
