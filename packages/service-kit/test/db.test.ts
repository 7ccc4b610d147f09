import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDb, type Database, type Db } from '../src/db.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'

const POOL_SIZE = 2
/** 20 waiters for each connection may wait, and one more finds the line exactly that long. */
const MAY_WAIT = POOL_SIZE * 20 + 1

const resources = new AsyncDisposableStack()
let db: Database
let url: string

function open(poolSize: number): Database {
  const options = { log: createLog('test', 'silent'), metrics: createMetrics('test') }
  const opened = createDb({ url, ca: undefined, poolSize }, options)
  resources.defer(() => opened.close())
  return opened
}

beforeAll(async () => {
  const database = await createTestDatabase({ migrated: false })
  resources.defer(() => database.close())
  url = database.adminUrl
  db = open(6)
  await db.query('create table counters (id integer primary key, n integer not null)')
})
afterAll(() => resources.disposeAsync())

test('more waiters than the limit are refused at once, and the others are served', async () => {
  const small = open(POOL_SIZE)
  const finish = Promise.withResolvers<void>()
  const holders = Array.from({ length: POOL_SIZE }, () => small.transaction(() => finish.promise))
  const overloaded = { status: 503, code: 'overloaded' }
  let waiting: Promise<unknown[][]> | undefined
  try {
    await waitFor(() => small.pool.totalCount === POOL_SIZE && small.pool.idleCount === 0, {
      describe: 'all connections are taken',
    })
    waiting = Promise.all(Array.from({ length: MAY_WAIT }, () => small.query('select 1 as one')))
    expect(small.pool.waitingCount).toBe(MAY_WAIT)
    await expect(small.query('select 1')).rejects.toMatchObject(overloaded)
    await expect(small.transaction(async () => undefined)).rejects.toMatchObject(overloaded)
  } finally {
    finish.resolve()
    await Promise.all(holders)
  }
  expect(await waiting).toEqual(Array.from({ length: MAY_WAIT }, () => [{ one: 1 }]))
  expect(await small.query('select 1 as one')).toEqual([{ one: 1 }])
})

test('transactions that deadlock both come through', async () => {
  await db.query('insert into counters values (1, 0), (2, 0)')
  const increment = (tx: Db, id: number) => tx.query('update counters set n = n + 1 where id = $1', [id])
  const bothHold = Promise.withResolvers<void>()
  const oneIsThrough = Promise.withResolvers<void>()
  let holding = 0
  let tries = 0
  const work = (first: number, second: number) =>
    db.transaction(async (tx) => {
      tries += 1
      // The one that was rolled back lets the other through first, or they might meet again.
      if (tries > 2) await oneIsThrough.promise
      await increment(tx, first)
      holding += 1
      if (holding === 2) bothHold.resolve()
      await bothHold.promise
      await increment(tx, second)
    })
  const both = [work(1, 2), work(2, 1)]
  for (const each of both) void each.then(oneIsThrough.resolve, oneIsThrough.resolve)
  await Promise.all(both)
  expect(await db.query('select n from counters where id in (1, 2)')).toEqual([{ n: 2 }, { n: 2 }])
  expect(tries).toBe(3)
})

test('a serialization failure is tried again, three times in all', async () => {
  await db.query('insert into counters values (3, 0)')
  const conflicting = async (conflicts: number) => {
    let tries = 0
    const done = db.transaction(async (tx) => {
      tries += 1
      await tx.query('set transaction isolation level repeatable read')
      const [row] = await tx.query<{ n: number }>('select n from counters where id = 3')
      if (tries <= conflicts) await db.query('update counters set n = n + 10 where id = 3')
      await tx.query('update counters set n = $1 where id = 3', [(row?.n ?? 0) + 1])
    })
    return { outcome: await done.then(() => 'committed').catch((err: { code: string }) => err.code), tries }
  }
  expect(await conflicting(2)).toEqual({ outcome: 'committed', tries: 3 })
  expect(await db.query('select n from counters where id = 3')).toEqual([{ n: 21 }])
  expect(await conflicting(3)).toEqual({ outcome: '40001', tries: 3 })
})

test('an error of the work itself is not tried again, and undoes everything', async () => {
  let tries = 0
  const failing = db.transaction(async (tx) => {
    tries += 1
    await tx.query('insert into counters values (4, 0)')
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(tries).toBe(1)
  expect(await db.query('select n from counters where id = 4')).toEqual([])
})

test('a transaction that has ended takes no statement, whether it was committed or rolled back', async () => {
  let kept: Db | undefined
  await db.transaction(async (tx) => {
    kept = tx
  })
  expect(() => kept?.query('select 1')).toThrow('on a transaction that has ended')
  await db
    .transaction(async (tx) => {
      kept = tx
      throw new Error('no')
    })
    .catch(() => undefined)
  expect(() => kept?.query('select 1')).toThrow('on a transaction that has ended')
})

test('a transaction in a transaction is the same one', async () => {
  const outer = db.transaction(async (tx) => {
    await tx.transaction((inner) => inner.query('insert into counters values (5, 0)'))
    throw new Error('no')
  })
  await expect(outer).rejects.toThrow('no')
  expect(await db.query('select n from counters where id = 5')).toEqual([])
})
