import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'

/** A checkout's answer, kept for 24 hours to be given again. */
export type StoredAnswer = { status: number; body: Record<string, unknown> }

export type KeyState = { fingerprint: string; orderId: string; answer: StoredAnswer | null }

export async function findKey(db: Db, customerId: string, key: string): Promise<KeyState | null> {
  const [row] = await db.query<{
    fingerprint: string
    order_id: string
    answer_status: number | null
    answer_body: Record<string, unknown> | null
  }>(
    `select fingerprint, order_id, answer_status, answer_body from idempotency_keys where customer_id = $1 and key = $2`,
    [customerId, key],
  )
  if (row === undefined) return null
  const answer =
    row.answer_status === null || row.answer_body === null
      ? null
      : { status: row.answer_status, body: row.answer_body }
  return { fingerprint: row.fingerprint, orderId: row.order_id, answer }
}

/** Stores the first answer of the order's checkout; a later one does not replace it. */
export async function storeAnswer(tx: Db, orderId: string, answer: StoredAnswer): Promise<void> {
  await tx.query(
    `update idempotency_keys set answer_status = $2, answer_body = $3 where order_id = $1 and answer_status is null`,
    [orderId, answer.status, JSON.stringify(answer.body)],
  )
}

/** Frees the key of an order that was interrupted before any payment, so that the same key may try again. */
export async function freeKey(tx: Db, orderId: string): Promise<void> {
  await tx.query(`delete from idempotency_keys where order_id = $1 and answer_status is null`, [orderId])
}

/** Keys are kept for a day. For a recurring job. */
export async function forgetOldKeys(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from idempotency_keys where order_id in (
       select order_id from idempotency_keys
       where created_at < now() - interval '24 hours' and answer_status is not null limit $1 for update skip locked)
     returning order_id`,
  )
}
