import type { Db } from '@urbanbloom/service-kit/db'
import type { Refund, RefundStatus } from './payment.ts'

type RefundRow = {
  id: string
  payment_id: string
  amount_cents: number
  reason: string
  request_fingerprint: string
  status: RefundStatus
  provider_refund_id: string | null
  failure_code: string | null
  requested_by: string | null
  settle_tries: number
  created_at: Date
}

const columns = `id, payment_id, amount_cents, reason, request_fingerprint, status, provider_refund_id, failure_code,
  requested_by, settle_tries, created_at`

function toRefund(row: RefundRow): Refund {
  return {
    id: row.id,
    paymentId: row.payment_id,
    amountCents: row.amount_cents,
    reason: row.reason,
    requestFingerprint: row.request_fingerprint,
    status: row.status,
    providerRefundId: row.provider_refund_id,
    failureCode: row.failure_code,
    requestedBy: row.requested_by,
    settleTries: row.settle_tries,
    createdAt: row.created_at,
  }
}

export type NewRefund = {
  id: string
  paymentId: string
  amountCents: number
  reason: string
  idempotencyKey: string
  requestFingerprint: string
  requestedBy: string | null
  settleAfterMs: number
}

/** Writes the refund and sets its money aside, in the caller's transaction; the constraints refuse too much. */
export async function insertRefund(tx: Db, input: NewRefund): Promise<Refund> {
  const rows = await tx.query<RefundRow>(
    `with reserved as (
       update payments set refund_pending_cents = refund_pending_cents + $3, updated_at = now()
       where id = $2 returning id
     )
     insert into refunds (id, payment_id, amount_cents, reason, idempotency_key, request_fingerprint, requested_by,
       status, due_at)
     select $1, reserved.id, $3, $4, $5, $6, $7, 'pending', now() + make_interval(secs => $8::float8 / 1000)
     from reserved
     returning ${columns}`,
    [
      input.id,
      input.paymentId,
      input.amountCents,
      input.reason,
      input.idempotencyKey,
      input.requestFingerprint,
      input.requestedBy,
      input.settleAfterMs,
    ],
  )
  const row = rows[0]
  if (row === undefined) throw new Error(`The payment ${input.paymentId} vanished while it was refunded`)
  return toRefund(row)
}

export async function findRefundByKey(
  db: Db,
  paymentId: string,
  idempotencyKey: string,
): Promise<Refund | null> {
  const rows = await db.query<RefundRow>(
    `select ${columns} from refunds where payment_id = $1 and idempotency_key = $2`,
    [paymentId, idempotencyKey],
  )
  return rows[0] === undefined ? null : toRefund(rows[0])
}

export async function findRefund(db: Db, id: string): Promise<Refund | null> {
  const rows = await db.query<RefundRow>(`select ${columns} from refunds where id = $1`, [id])
  return rows[0] === undefined ? null : toRefund(rows[0])
}

/** Oldest first. A payment has few: each takes at least a cent, and ops asks by hand. */
export async function listRefunds(db: Db, paymentId: string): Promise<Refund[]> {
  const rows = await db.query<RefundRow>(
    `select ${columns} from refunds where payment_id = $1 order by created_at, id limit 200`,
    [paymentId],
  )
  return rows.map(toRefund)
}

/** Ends a pending refund, once; null when it had ended before. */
export async function endRefund(
  tx: Db,
  id: string,
  outcome: { status: 'succeeded' | 'failed'; providerRefundId: string | null; failureCode: string | null },
): Promise<Refund | null> {
  const rows = await tx.query<RefundRow>(
    `update refunds set status = $2, provider_refund_id = coalesce($3, provider_refund_id), failure_code = $4,
       due_at = null, updated_at = now()
     where id = $1 and status = 'pending'
     returning ${columns}`,
    [id, outcome.status, outcome.providerRefundId, outcome.failureCode],
  )
  return rows[0] === undefined ? null : toRefund(rows[0])
}

/** Moves a refund's money from "set aside" to "given back". */
export async function countRefund(tx: Db, paymentId: string, amountCents: number): Promise<void> {
  await tx.query(
    `update payments set
       refund_pending_cents = refund_pending_cents - $2,
       refunded_cents = refunded_cents + $2,
       status = case when refunded_cents + $2 = captured_cents then 'refunded' else 'partially_refunded' end,
       updated_at = now()
     where id = $1`,
    [paymentId, amountCents],
  )
}

export async function releaseRefund(tx: Db, paymentId: string, amountCents: number): Promise<void> {
  await tx.query(
    'update payments set refund_pending_cents = refund_pending_cents - $2, updated_at = now() where id = $1',
    [paymentId, amountCents],
  )
}

/** Takes due refunds and sets the time of their next look, 2 s doubled with each try up to 10 minutes. */
export async function claimDueRefunds(db: Db, limit: number): Promise<Refund[]> {
  const rows = await db.query<RefundRow>(
    `update refunds set
       due_at = now() + least(interval '2 seconds' * power(2, least(settle_tries, 10)), interval '10 minutes'),
       settle_tries = settle_tries + 1
     where id in (select id from refunds where due_at <= now() order by due_at limit $1 for update skip locked)
     returning ${columns}`,
    [limit],
  )
  return rows.map(toRefund)
}
