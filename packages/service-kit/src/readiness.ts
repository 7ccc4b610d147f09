import { readdir } from 'node:fs/promises'
import type { Database } from './db.ts'

/** The database answers, but its schema is not yet the one that this version needs: the migration is to be waited for. */
export class SchemaBehindError extends Error {
  override name = 'SchemaBehindError'
}

const noSuchTableOrSchema = new Set(['42P01', '3F000'])

/**
 * The check behind `/readyz`: the database answers and has every migration in `migrationsDirectory`. It rejects with
 * one sentence that says what is wrong, where, and what to do; with a `SchemaBehindError` while only the migration is
 * missing.
 */
export function createReadiness(options: {
  db: Pick<Database, 'query' | 'explain'>
  migrationsDirectory: string
}) {
  const { db, migrationsDirectory } = options
  let newest: Promise<number> | undefined
  let migrated = false

  const ask = async <Row>(sql: string): Promise<Row | undefined> => {
    const [row] = await db.query<Row>(sql).catch((err: unknown) => {
      // Without its cause, which the sentence says already.
      const isBehind = noSuchTableOrSchema.has((err as { code?: string }).code ?? '')
      throw isBehind ? new SchemaBehindError(db.explain(err)) : new Error(db.explain(err))
    })
    return row
  }
  return {
    async check(): Promise<void> {
      if (migrated) {
        await ask('select 1')
        return
      }
      newest ??= newestMigration(migrationsDirectory)
      const wanted = await newest
      const row = await ask<{ applied: number | null; database: string; role: string }>(
        'select max(id) as applied, current_database() as database, current_user as role from migrations',
      )
      const applied = row?.applied ?? 0
      if (applied < wanted) {
        throw new SchemaBehindError(
          `migration ${wanted} is not applied yet; the schema of ${row?.role} in "${row?.database}" is at ${applied}: ` +
            'run the migration of this version, and look into its log where it has run.',
        )
      }
      migrated = true
    },
  }
}

async function newestMigration(directory: string): Promise<number> {
  const files = await readdir(directory)
  return Math.max(0, ...files.map((file) => Number.parseInt(file, 10)).filter(Number.isInteger))
}
