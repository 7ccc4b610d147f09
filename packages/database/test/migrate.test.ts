import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { migrateDatabase } from '../src/migrate.ts'
import { applyMigrations, type Migration, readMigrations } from '../src/migrations.ts'
import { serviceSchemas } from '../src/roles.ts'

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase({ migrated: false })
  onTestFinished(() => database.close())
  return database.adminUrl
}

async function connect(adminUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

function migration(id: number, sql: string): Migration {
  return { id, name: `${id}-test.sql`, sql, checksum: `checksum of ${sql}` }
}

test('two migrators that start together both succeed and apply each migration once', async () => {
  const adminUrl = await emptyDatabase()
  const applied: string[] = []
  const options = { adminUrl, rolePasswords, log: (message: string) => applied.push(message) }
  await Promise.all([migrateDatabase(options), migrateDatabase(options), migrateDatabase(options)])

  expect(new Set(applied).size).toBe(applied.length)
  const client = await connect(adminUrl)
  for (const { service, schema } of serviceSchemas) {
    const { rows } = await client.query(`select name from ${schema}.migrations order by id`)
    expect(rows.map(({ name }) => name)).toEqual((await readMigrations(service)).map(({ name }) => name))
  }
})

test('a migration that fails leaves nothing behind and is named', async () => {
  const client = await connect(await emptyDatabase())
  const broken = migration(2, 'create table left_over (id integer); select 1 / 0')
  const applying = applyMigrations(client, [migration(1, 'create table first (id integer)'), broken])
  await expect(applying).rejects.toThrow('2-test.sql failed and was rolled back: division by zero')

  const { rows } = await client.query(
    `select to_regclass('first') as first, to_regclass('left_over') as left_over`,
  )
  expect(rows[0]).toEqual({ first: 'first', left_over: null })
  await expect(client.query('select id from migrations')).resolves.toMatchObject({ rows: [{ id: 1 }] })
})

test('a migration that was changed after it was applied is refused', async () => {
  const client = await connect(await emptyDatabase())
  await applyMigrations(client, [migration(1, 'create table first (id integer)')])
  await expect(applyMigrations(client, [migration(1, 'create table other (id integer)')])).rejects.toThrow(
    '1-test.sql was changed after it was applied',
  )
})

test('an older program leaves a newer database alone', async () => {
  const client = await connect(await emptyDatabase())
  const first = migration(1, 'create table first (id integer)')
  await applyMigrations(client, [first, migration(2, 'create table second (id integer)')])
  await expect(applyMigrations(client, [first])).resolves.toEqual([])
})

test('migrating again takes no right away for a moment from a service that is at work', async () => {
  await using database = await createTestDatabase()
  const service = new pg.Client({ connectionString: database.urlFor('order') })
  await service.connect()
  let migrating = true
  const refusals: string[] = []
  const work = async () => {
    let statements = 0
    for (; migrating; statements += 1) {
      await service.query('select 1 from orders limit 1').catch((err: Error) => refusals.push(err.message))
    }
    return statements
  }
  const working = work()
  for (let turn = 0; turn < 5; turn += 1)
    await migrateDatabase({ adminUrl: database.adminUrl, rolePasswords })
  migrating = false
  expect(await working).toBeGreaterThan(100)
  await service.end()
  expect(refusals).toEqual([])
})

test('what a migration makes may be used by its service as soon as it is recorded', async () => {
  const client = await connect(await emptyDatabase())
  const seen: unknown[] = []
  const finish = async () => {
    const { rows } = await client.query('select count(*)::integer as recorded from migrations')
    seen.push(rows[0].recorded)
    throw new Error('the grants failed')
  }
  const applying = applyMigrations(client, [migration(1, 'create table first (id integer)')], finish)
  await expect(applying).rejects.toThrow('1-test.sql failed and was rolled back: the grants failed')
  expect(seen).toEqual([1])
  await expect(client.query('select id from migrations')).resolves.toMatchObject({ rows: [] })
})
