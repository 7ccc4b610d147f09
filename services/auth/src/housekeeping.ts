import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'
import { deleteRetiredKeys } from './signing-key-store.ts'
import { retiredKeySeconds } from './signing-keys.ts'

/** Expired rows stay a day, so that an expired token is still told from an unknown one. */
const KEPT = `interval '1 day'`

/** Deletes what has expired, in batches that lock little and wait for nobody. */
export async function deleteExpired(db: Db, accessSeconds: number): Promise<void> {
  await deleteInBatches(db, expired('refresh_tokens', 'hash'))
  // Every token of an expired session has expired too, so the cascade finds few rows or none.
  await deleteInBatches(db, expired('sessions', 'id'))
  await deleteRetiredKeys(db, retiredKeySeconds(accessSeconds))
}

function expired(table: 'refresh_tokens' | 'sessions', key: 'hash' | 'id'): string {
  return `delete from ${table} where ${key} in
            (select ${key} from ${table} where expires_at < now() - ${KEPT} limit $1 for update skip locked)
          returning 1`
}
