import { runStatement } from '@urbanbloom/local/postgres-server'
import { pingRedis } from '@urbanbloom/local/redis-server'
import { Redis } from 'ioredis'
import { expect, inject, test } from 'vitest'
import { createTestDatabase, testRedisUrl } from '../src/test-database.ts'

test('a test database is migrated, its own, and gone after it is closed', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  try {
    await runStatement(one.adminUrl, 'create table public.only_here (id integer)')
    const tables = await runStatement(other.adminUrl, "select to_regclass('public.only_here') as found")
    expect(tables).toEqual([{ found: null }])
    expect(
      await runStatement(one.urlFor('order'), 'select count(*)::int as applied from migrations'),
    ).toHaveLength(1)
    expect(await runStatement(one.urlFor('delivery-routing'), 'select current_user as user')).toEqual([
      { user: 'delivery_routing_service' },
    ])
  } finally {
    await Promise.all([one.close(), other.close()])
  }
  const left = await runStatement(
    inject('sharedServers').adminUrl,
    `select datname from pg_database where datname in ('${one.name}', '${other.name}')`,
  )
  expect(left).toEqual([])
})

test('a test database closes although somebody is still connected', async () => {
  const database = await createTestDatabase({ migrated: false })
  const sleeping = runStatement(database.adminUrl, 'select pg_sleep(60)').catch((err: Error) => err.message)
  await expect
    .poll(() =>
      runStatement(database.adminUrl, "select 1 from pg_stat_activity where query like '%pg_sleep(60)%'"),
    )
    .not.toEqual([])
  await database.close()
  expect(await sleeping).toMatch(/terminat/)
})

test('each Redis URL is a logical database of its own, and empty', async () => {
  const urls = await Promise.all([testRedisUrl(), testRedisUrl()])
  expect(new Set(urls).size).toBe(2)
  const [one, other] = urls.map((url) => new Redis(url)) as [Redis, Redis]
  try {
    await one.set('greeting', 'hello')
    expect(await one.get('greeting')).toBe('hello')
    expect(await other.dbsize()).toBe(0)
  } finally {
    one.disconnect()
    other.disconnect()
  }
  await pingRedis(urls[0])
})
