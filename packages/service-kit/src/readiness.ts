import { readdir } from 'node:fs/promises'
import type { Db } from './db.ts'

/** The check behind `/readyz`: the database answers and has every migration in `migrationsDirectory`. */
export function createReadiness(options: { db: Db; migrationsDirectory: string }) {
  let newest: Promise<number> | undefined
  let migrated = false

  return {
    async check(): Promise<void> {
      if (migrated) {
        await options.db.query('select 1')
        return
      }
      newest ??= newestMigration(options.migrationsDirectory)
      const wanted = await newest
      const [row] = await options.db.query<{ applied: number | null }>(
        'select max(id) as applied from migrations',
      )
      const applied = row?.applied ?? 0
      if (applied < wanted)
        throw new Error(`migration ${wanted} is not applied yet; the schema is at ${applied}`)
      migrated = true
    },
  }
}

async function newestMigration(directory: string): Promise<number> {
  const files = await readdir(directory)
  return Math.max(0, ...files.map((file) => Number.parseInt(file, 10)).filter(Number.isInteger))
}
