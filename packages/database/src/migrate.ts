import { Logger, runMigrations } from 'graphile-worker'
import pg from 'pg'
import { applyMigrations, readMigrations } from './migrations.ts'
import { appendOnlyTables, jobsSchema, readerRole, type ServiceSchema, serviceSchemas } from './roles.ts'

export type MigrateOptions = {
  /** A role that may create roles and schemas: the owner of everything. It needs no superuser. */
  adminUrl: string
  ca?: string
  /** The password of each login role, by role name. */
  rolePasswords: Readonly<Record<string, string>>
  log?: (message: string) => void
}

/** Two migrators take turns on this lock; the number is arbitrary but must never change. */
const LOCK_ID = 7_214_935_081
const LOCK_TIMEOUT_MS = 60_000

const silent = new Logger(() => () => undefined)

/**
 * Brings a database to the newest state: extensions, roles, schemas, each service's migrations and queue, grants.
 * Safe to run again and from two processes at once.
 * @throws when a migration that was applied has changed since, or when a statement fails (its file is named).
 */
export async function migrateDatabase(options: MigrateOptions): Promise<void> {
  const log = options.log ?? (() => undefined)
  const client = new pg.Client(connection(options))
  await client.connect()
  try {
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await client.query('select pg_advisory_lock($1)', [LOCK_ID])
    await createExtensions(client)
    for (const target of serviceSchemas) {
      await createRole(client, target.role, options.rolePasswords, [
        `search_path = ${target.schema}, extensions`,
      ])
      await createSchema(client, target)
      await client.query(`set search_path = ${target.schema}, extensions`)
      // A service begins to work once its newest migration is recorded; by then all that it needs is there.
      await migrateQueue(client, target, options)
      const grantAll = () => grant(client, target)
      const applied = await applyMigrations(client, await readMigrations(target.service), grantAll)
      for (const name of applied) log(`${target.service}: applied ${name}`)
      await inTransaction(client, grantAll)
    }
    await createReader(client, options.rolePasswords)
  } finally {
    // Closing the session releases the lock, whatever happened.
    await client.end()
  }
}

function connection(options: MigrateOptions): pg.ClientConfig {
  return {
    connectionString: options.adminUrl,
    ssl: options.ca === undefined ? undefined : { ca: options.ca },
    connectionTimeoutMillis: 5_000,
  }
}

/** Extensions have a schema of their own, so that the services can use them and own nothing in it. */
async function createExtensions(client: pg.Client): Promise<void> {
  await client.query('create schema if not exists extensions')
  for (const name of ['pg_trgm', 'btree_gist', 'citext']) {
    await client.query(`create extension if not exists ${name} schema extensions`)
  }
  await client.query('revoke create on schema public from public')
}

async function createRole(
  client: pg.Client,
  role: string,
  passwords: MigrateOptions['rolePasswords'],
  settings: readonly string[],
  memberOf: readonly string[] = [],
) {
  const password = passwords[role]
  if (password === undefined) throw new Error(`No password is given for the database role ${role}`)
  // Roles belong to the whole server, so another database's migrator may make them at this moment.
  await client.query(
    `do $$ begin create role ${role} login; exception when duplicate_object or unique_violation then null; end $$`,
  )
  await client.query('select pg_advisory_lock($1)', [LOCK_ID + 1])
  try {
    await client.query(
      `alter role ${role} with login nocreatedb nocreaterole password ${pg.escapeLiteral(password)}`,
    )
    for (const setting of settings) await client.query(`alter role ${role} set ${setting}`)
    for (const group of memberOf) await client.query(`grant ${group} to ${role}`)
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK_ID + 1])
  }
}

/**
 * The role of dashboards and of Postgres' exporter: it reads views and what the server says of itself, briefly, and can
 * change nothing. Without pg_monitor the sessions of others have no state for it.
 */
async function createReader(client: pg.Client, passwords: MigrateOptions['rolePasswords']): Promise<void> {
  await createRole(
    client,
    readerRole,
    passwords,
    ['default_transaction_read_only = on', "statement_timeout = '10s'"],
    ['pg_monitor'],
  )
  for (const { schema } of serviceSchemas) {
    await client.query(`grant usage on schema ${schema} to ${readerRole}`)
    await client.query(`revoke all on all tables in schema ${schema} from ${readerRole}`)
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, viewname) as name from pg_views where schemaname = $1`,
      [schema],
    )
    for (const { name } of rows) await client.query(`grant select on ${name} to ${readerRole}`)
  }
}

async function createSchema(client: pg.Client, { schema, role }: ServiceSchema): Promise<void> {
  await client.query(`create schema if not exists ${schema}`)
  await client.query(`revoke all on schema ${schema} from public`)
  await client.query(`grant usage on schema ${schema}, extensions to ${role}`)
}

async function migrateQueue(
  client: pg.Client,
  { schema, role }: ServiceSchema,
  options: MigrateOptions,
): Promise<void> {
  const jobs = jobsSchema(schema)
  const pool = new pg.Pool({ ...connection(options), max: 1 })
  const ignore = () => undefined
  pool.on('error', ignore)
  pool.on('connect', (connected) => connected.on('error', ignore))
  try {
    await runMigrations({ pgPool: pool, schema: jobs, logger: silent })
  } finally {
    await pool.end()
  }
  await client.query(`revoke all on schema ${jobs} from public`)
  await client.query(`grant usage on schema ${jobs} to ${role}`)
  await client.query(`grant select, insert, update, delete on all tables in schema ${jobs} to ${role}`)
  await client.query(`grant usage on all sequences in schema ${jobs} to ${role}`)
  await client.query(`grant execute on all functions in schema ${jobs} to ${role}`)
  await allowRows(client, jobs, role)
}

/** The library guards its tables with row level security and leaves the policies to us. */
async function allowRows(client: pg.Client, schema: string, role: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c
     where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relrowsecurity
       and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'service')`,
    [schema],
  )
  for (const { name } of rows) {
    await client.query(`create policy service on ${schema}.${name} to ${role} using (true) with check (true)`)
  }
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await work()
    await client.query('commit')
  } catch (err) {
    await client.query('rollback')
    throw err
  }
}

/** In a transaction, because services use their tables while the grants are made anew. */
async function grant(client: pg.Client, { schema, role }: ServiceSchema): Promise<void> {
  await client.query(`revoke all on all tables in schema ${schema} from ${role}`)
  await client.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
  await client.query(`grant usage on all sequences in schema ${schema} to ${role}`)
  await client.query(`grant execute on all functions in schema ${schema} to ${role}`)
  await client.query(`revoke insert, update, delete on ${schema}.migrations from ${role}`)
  for (const table of appendOnlyTables[schema] ?? []) {
    const { rows } = await client.query('select to_regclass($1) is not null as exists', [
      `${schema}.${table}`,
    ])
    if (rows[0].exists)
      await client.query(`revoke update, delete, truncate on ${schema}.${table} from ${role}`)
  }
}
