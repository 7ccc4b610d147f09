import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDb } from '../src/db.ts'
import { deleteInBatches } from '../src/delete-batches.ts'
import { forgetOldEvents } from '../src/events.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'

let resources: AsyncDisposableStack
beforeEach(() => {
  resources = new AsyncDisposableStack()
})
afterEach(() => resources.disposeAsync())

/** A database that remembers events: `old` ones of eight days ago, and one of six. */
async function withEvents({ old }: { old: number }) {
  const database = await createTestDatabase()
  resources.defer(() => database.close())
  const options = { log: createLog('test', 'silent'), metrics: createMetrics('test') }
  const db = createDb({ url: database.urlFor('order'), ca: undefined, poolSize: 5 }, options)
  resources.defer(() => db.close())
  await db.query(
    `insert into processed_events (id, processed_at)
     select gen_random_uuid(), now() - make_interval(days => case n when 0 then 6 else 8 end)
     from generate_series(0, $1::int) n`,
    [old],
  )
  const count = async () => (await db.query('select 1 from processed_events')).length
  return { db, count }
}

test('all events older than a week are forgotten in one turn, by replicas side by side', async () => {
  const { db, count } = await withEvents({ old: 12_000 })
  await Promise.all([forgetOldEvents(db), forgetOldEvents(db)])
  expect(await count()).toBe(1)
})

test('a turn ends after its number of batches, and the next goes on', async () => {
  const { db, count } = await withEvents({ old: 50 })
  const sql = `delete from processed_events where id in
     (select id from processed_events where processed_at < now() - make_interval(days => $2) limit $1)
     returning 1`
  const turn = () => deleteInBatches(db, sql, [7], { rows: 10, batches: 3 })
  await turn()
  expect(await count()).toBe(21)
  await turn()
  expect(await count()).toBe(1)
})
