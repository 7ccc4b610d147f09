import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'

export type Migration = { id: number; name: string; sql: string; checksum: string }

/** The migrations that a service ships, `services/<name>/migrations/<n>-<what>.sql`, in order of their numbers. */
export async function readMigrations(service: string): Promise<Migration[]> {
  const directory = path.resolve(import.meta.dirname, '../../../services', service, 'migrations')
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql'))
  const migrations = await Promise.all(
    files.map(async (file) => {
      const sql = await readFile(path.join(directory, file), 'utf8')
      const id = Number.parseInt(file, 10)
      return { id, name: file, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
  migrations.sort((a, b) => a.id - b.id)
  const wrong = migrations.findIndex(({ id }, index) => id !== index + 1)
  if (wrong !== -1) {
    throw new Error(
      `${service}: migrations are numbered 1, 2, 3, …; found ${migrations[wrong]?.name} at place ${wrong + 1}`,
    )
  }
  return migrations
}

/**
 * Applies what is new, each file in a transaction of its own together with the row that records it and with what
 * `finish` does, so that nobody sees a schema that is said to be whole and is not. The caller holds a lock and has set
 * the search path to the service's schema.
 * @returns the names of the files applied.
 * @throws when a file that was applied has since been changed: migrations go forward only.
 */
export async function applyMigrations(
  client: pg.Client,
  migrations: readonly Migration[],
  finish: () => Promise<void> = async () => undefined,
): Promise<string[]> {
  await client.query(
    `create table if not exists migrations (
       id integer primary key,
       name text not null,
       checksum text not null,
       applied_at timestamptz not null default now()
     )`,
  )
  const { rows } = await client.query<{ id: number; name: string; checksum: string }>(
    'select id, name, checksum from migrations order by id',
  )
  for (const { id, name, checksum } of rows) {
    const shipped = migrations[id - 1]
    // An older program may meet a newer database during a rollout; that is not an error.
    if (shipped === undefined) continue
    if (shipped.checksum !== checksum) {
      throw new Error(`The migration ${name} was changed after it was applied; restore it and add a new one`)
    }
  }
  const pending = migrations.slice(rows.length)
  for (const migration of pending) await applyOne(client, migration, finish)
  return pending.map(({ name }) => name)
}

async function applyOne(
  client: pg.Client,
  { id, name, sql, checksum }: Migration,
  finish: () => Promise<void>,
): Promise<void> {
  try {
    await client.query('begin')
    await client.query(sql)
    await client.query('insert into migrations (id, name, checksum) values ($1, $2, $3)', [
      id,
      name,
      checksum,
    ])
    await finish()
    await client.query('commit')
  } catch (err) {
    await client.query('rollback')
    throw new Error(
      `The migration ${name} failed and was rolled back: ${err instanceof Error ? err.message : String(err)}`,
      { cause: err },
    )
  }
}
