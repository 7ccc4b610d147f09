import type { Db } from '@urbanbloom/service-kit/db'
import { deleteRetiredKeys } from './signing-key-store.ts'
import { retiredKeySeconds } from './signing-keys.ts'

const BATCH = 1_000
/** One turn deletes at most this many batches; what is left waits for the next one. */
const MAX_BATCHES = 200
/** Expired rows stay a day, so that an expired token is still told from an unknown one. */
const KEPT = `interval '1 day'`

/** Deletes what has expired, in batches that lock little and wait for nobody. */
export async function deleteExpired(db: Db, accessSeconds: number): Promise<void> {
  await inBatches(db, expired('refresh_tokens', 'hash'))
  // Every token of an expired session has expired too, so the cascade finds few rows or none.
  await inBatches(db, expired('sessions', 'id'))
  await deleteRetiredKeys(db, retiredKeySeconds(accessSeconds))
}

function expired(table: 'refresh_tokens' | 'sessions', key: 'hash' | 'id'): string {
  return `delete from ${table} where ${key} in
            (select ${key} from ${table} where expires_at < now() - ${KEPT} limit $1 for update skip locked)
          returning 1`
}

async function inBatches(db: Db, sql: string): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const deleted = await db.query(sql, [BATCH])
    if (deleted.length < BATCH) return
  }
}
