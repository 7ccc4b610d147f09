import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDb } from '../src/db.ts'
import { createJobs, type Task } from '../src/jobs.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'

let resources: AsyncDisposableStack
beforeEach(() => {
  resources = new AsyncDisposableStack()
})
afterEach(() => resources.disposeAsync())

async function queue(timeoutMs = 60_000) {
  const database = await createTestDatabase()
  resources.defer(() => database.close())
  const log = createLog('test', 'silent')
  const metrics = createMetrics('test')
  const db = createDb({ url: database.urlFor('order'), ca: undefined, poolSize: 5 }, { log, metrics })
  resources.defer(() => db.close())
  const jobs = createJobs({ schema: 'orders_jobs', db, timeoutMs, log, metrics })
  const start = (tasks: Record<string, Task>) => {
    jobs.start(tasks)
    resources.defer(() => jobs.stop())
  }
  return { db, jobs, start, metrics, log }
}

test('a job exists if and only if its transaction commits', async () => {
  const { db, jobs, start } = await queue()
  const done: string[] = []
  start({ note: async ({ what }: { what: string }) => void done.push(what) })
  const rolledBack = db.transaction(async (tx) => {
    await jobs.enqueue(tx, 'note', { what: 'lost' })
    throw new Error('no')
  })
  await expect(rolledBack).rejects.toThrow('no')
  await db.transaction((tx) => jobs.enqueue(tx, 'note', { what: 'kept' }))
  await waitFor(() => done.length > 0, { describe: 'the job has run' })
  expect(done).toEqual(['kept'])
})

test('what a dead process had in hand is freed and done by another', async () => {
  const { db, jobs, start } = await queue(300)
  await db.transaction((tx) => jobs.enqueue(tx, 'note', {}))
  // As a process that was killed leaves it: taken, and never finished.
  await db.query(
    `update orders_jobs._private_jobs set attempts = 1, locked_by = 'dead', locked_at = now() - interval '1 minute'`,
  )
  let done = 0
  start({ note: async () => void (done += 1) })
  await waitFor(() => done === 1, { describe: 'the job has run' })
})

test('the lock of a job under way is renewed, so that nobody does it a second time', async () => {
  const { db, jobs, start } = await queue(1_200)
  let runs = 0
  let finish: (() => void) | undefined
  const gate = new Promise<void>((resolve) => {
    finish = resolve
  })
  start({
    slow: async () => {
      runs += 1
      await gate
    },
  })
  await db.transaction((tx) => jobs.enqueue(tx, 'slow', {}))
  await waitFor(() => runs === 1, { describe: 'the job is under way' })
  // Here a lock counts as abandoned after 1.2 s; this one is made to look nearly as old.
  await db.query(`update orders_jobs._private_jobs set locked_at = now() - interval '1 second'`)
  const renewed = `select 1 from orders_jobs.jobs where locked_at > now() - interval '0.5 seconds'`
  await waitFor(async () => (await db.query(renewed)).length === 1, { describe: 'the lock is renewed' })
  finish?.()
  await waitFor(async () => (await db.query('select 1 from orders_jobs.jobs')).length === 0, {
    describe: 'the queue is empty',
  })
  expect(runs).toBe(1)
})

test('a job that hangs fails at its limit and is tried again', async () => {
  const { db, jobs, start } = await queue(300)
  let tries = 0
  start({
    hang: async () => {
      tries += 1
      if (tries === 1) await new Promise(() => undefined)
    },
  })
  await db.transaction((tx) => jobs.enqueue(tx, 'hang', {}))
  await waitFor(async () => tries === 2 && (await db.query('select 1 from orders_jobs.jobs')).length === 0, {
    describe: 'the second try has done it',
    timeoutMs: 20_000,
  })
})

test('waiting jobs are counted by the tasks that the code knows; any other counts as other', async () => {
  const { db, log } = await queue()
  const metrics = createMetrics('test')
  const options = { schema: 'orders_jobs', db, timeoutMs: 60_000, log, metrics, otherTasks: ['elsewhere'] }
  const jobs = createJobs(options)
  await db.transaction(async (tx) => {
    for (const task of ['elsewhere', 'elsewhere', 'of_a_later_version', 'of_an_older_one'])
      await jobs.enqueue(tx, task, {})
    await jobs.enqueue(tx, 'elsewhere', {}, { runAt: new Date(Date.now() + 3_600_000) })
  })
  await db.query(
    `update orders_jobs._private_jobs set attempts = max_attempts where id = (select min(id) from orders_jobs.jobs)`,
  )
  const { text } = await metrics.expose(undefined)
  const series = text.split('\n').filter((line) => line.startsWith('jobs_waiting{'))
  expect(series.map((line) => line.replace('service="test",', '').replace(',service="test"', ''))).toEqual([
    'jobs_waiting{task="elsewhere",state="dead_letter"} 1',
    'jobs_waiting{task="elsewhere",state="due"} 1',
    'jobs_waiting{task="other",state="dead_letter"} 0',
    'jobs_waiting{task="other",state="due"} 2',
  ])
})

test('a stop finishes what was begun and gives the rest back at once', async () => {
  const { db, jobs, start } = await queue()
  let begun = 0
  let finished = 0
  let release: (() => void) | undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  start({
    wait: async () => {
      begun += 1
      await gate
      finished += 1
    },
  })
  await db.transaction(async (tx) => {
    for (let count = 0; count < 20; count += 1) await jobs.enqueue(tx, 'wait', {})
  })
  await waitFor(() => begun === 4, { describe: 'as many jobs are under way as may be' })
  const stopping = jobs.stop()
  release?.()
  await stopping
  expect(finished).toBe(begun)
  const left = await db.query('select locked_by from orders_jobs.jobs')
  expect(left).toHaveLength(20 - finished)
  expect(left.every(({ locked_by }) => locked_by === null)).toBe(true)
})
