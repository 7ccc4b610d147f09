import type { Db } from './db.ts'

const BATCH_ROWS = 5_000
const MAX_BATCHES = 200

/**
 * Deletes in batches that lock little, until one is short; for a recurring job. `sql` deletes at most `$1` rows,
 * answers a row for each, and has `values` from `$2` on. A million rows a turn is the most: what is left waits for
 * the next one.
 */
export async function deleteInBatches(
  db: Db,
  sql: string,
  values: readonly unknown[] = [],
  { rows = BATCH_ROWS, batches = MAX_BATCHES } = {},
): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const deleted = await db.query(sql, [rows, ...values])
    if (deleted.length < rows) return
  }
}
