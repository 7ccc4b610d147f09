import { runStatement } from '@urbanbloom/local/postgres-server'
import { pingRedis } from '@urbanbloom/local/redis-server'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../src/test-database.ts'
import { startPostgres, startRedis } from '../src/test-servers.ts'

const refused = /ECONNREFUSED|ECONNRESET|terminated/

test('a Postgres of the test’s own refuses while stopped and comes back with its data on the same port', async () => {
  const postgres = await startPostgres()
  try {
    const database = await createTestDatabase({ postgres })
    await runStatement(database.adminUrl, 'create table kept as select 42 as answer')
    await postgres.stop()
    await expect(runStatement(database.adminUrl, 'select 1')).rejects.toThrow(refused)
    await postgres.start()
    expect(await runStatement(database.adminUrl, 'select answer from kept')).toEqual([{ answer: 42 }])
    await postgres.restart()
    expect(await runStatement(database.urlFor('payment'), 'select current_user as user')).toEqual([
      { user: 'payment_service' },
    ])
  } finally {
    await postgres.close()
  }
  await expect(runStatement(postgres.adminUrl, 'select 1')).rejects.toThrow(refused)
})

test('a Redis of the test’s own refuses while stopped and comes back on the same port', async () => {
  const redis = await startRedis()
  try {
    await pingRedis(redis.url)
    await redis.stop()
    await expect(pingRedis(redis.url)).rejects.toThrow(refused)
    await redis.restart()
    await pingRedis(redis.url)
  } finally {
    await redis.close()
  }
  await expect(pingRedis(redis.url)).rejects.toThrow(refused)
})
