import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { createTestDatabase, type TestDatabase } from '@urbanbloom/test-kit/test-database'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateDatabase } from '../src/migrate.ts'
import { appendOnlyTables, readerRole, serviceSchemas } from '../src/roles.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

async function as<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function tablesOf(schema: string): Promise<string[]> {
  return as(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any($1::text[])`,
      [[schema, `${schema}_jobs`]],
    )
    return rows.map(({ name }) => name)
  })
}

const denied = { code: '42501' }

for (const { service, schema, role } of serviceSchemas) {
  test(`${role} reads every table of its own schema`, async () => {
    const tables = await tablesOf(schema)
    expect(tables.length).toBeGreaterThan(3)
    await as(database.urlFor(service), async (client) => {
      for (const table of tables) await client.query(`select 1 from ${table} limit 1`)
    })
  })

  test(`${role} is refused every table of every other schema`, async () => {
    const others = serviceSchemas.filter((other) => other.schema !== schema)
    const tables = (await Promise.all(others.map((other) => tablesOf(other.schema)))).flat()
    expect(tables.length).toBeGreaterThan(20)
    await as(database.urlFor(service), async (client) => {
      for (const table of tables) {
        await expect(client.query(`select 1 from ${table} limit 1`), table).rejects.toMatchObject(denied)
        await expect(client.query(`delete from ${table}`), table).rejects.toMatchObject(denied)
      }
    })
  })

  test(`${role} changes no structure, no grant and no record of migrations`, async () => {
    await as(database.urlFor(service), async (client) => {
      for (const sql of [
        `create table ${schema}.mine (id integer)`,
        'create table public.mine (id integer)',
        'create schema mine',
        `drop table ${schema}.migrations`,
        `update ${schema}.migrations set checksum = ''`,
        `delete from ${schema}.migrations`,
        'create role mine',
      ]) {
        await expect(client.query(sql), sql).rejects.toMatchObject({ code: expect.stringMatching(/^42501$/) })
      }
    })
  })

  for (const table of appendOnlyTables[schema] ?? []) {
    test(`${role} adds to ${table} and never changes it`, async () => {
      await as(database.urlFor(service), async (client) => {
        const { rows } = await client.query(
          `select has_table_privilege($1, 'insert') as insert, has_table_privilege($1, 'update') as update,
             has_table_privilege($1, 'delete') as delete, has_table_privilege($1, 'truncate') as truncate`,
          [`${schema}.${table}`],
        )
        expect(rows[0]).toEqual({ insert: true, update: false, delete: false, truncate: false })
      })
    })
  }
}

test(`${readerRole} sees what the sessions of others do, for the exporter`, async () => {
  const url = new URL(database.adminUrl)
  url.username = readerRole
  url.password = rolePasswords[readerRole] ?? ''
  await as(database.adminUrl, (admin) =>
    as(url.href, async (client) => {
      const { rows: own } = await admin.query<{ pid: number }>('select pg_backend_pid() as pid')
      const seen = await client.query('select state from pg_stat_activity where pid = $1::int', [own[0]?.pid])
      expect(seen.rows).toEqual([{ state: 'idle' }])
    }),
  )
})

test(`${readerRole} reads every view, no table, and writes nothing`, async () => {
  const url = new URL(database.adminUrl)
  url.username = readerRole
  url.password = rolePasswords[readerRole] ?? ''
  await as(database.adminUrl, (admin) =>
    admin.query('create view orders.test_counts as select count(*) as orders from orders.orders'),
  )
  await migrateDatabase({ adminUrl: database.adminUrl, rolePasswords })
  const tables = (await Promise.all(serviceSchemas.map(({ schema }) => tablesOf(schema)))).flat()
  await as(url.href, async (client) => {
    const { rows: views } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, viewname) as name from pg_views where schemaname = any($1::text[])`,
      [serviceSchemas.map(({ schema }) => schema)],
    )
    expect(views.map(({ name }) => name)).toContain('orders.test_counts')
    for (const { name } of views) await client.query(`select * from ${name} limit 1`)
    for (const table of tables) {
      await expect(client.query(`select 1 from ${table} limit 1`), table).rejects.toMatchObject(denied)
    }
    await expect(client.query('create temporary table mine (id integer)')).rejects.toThrow('read-only')
    await client.query('set default_transaction_read_only = off')
    await expect(client.query('delete from orders.test_counts')).rejects.toThrow('cannot delete')
    for (const sql of ['create table orders.mine (id integer)', 'create table public.mine (id integer)']) {
      await expect(client.query(sql), sql).rejects.toMatchObject(denied)
    }
  })
})
