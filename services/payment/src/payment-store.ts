import type { Db } from '@urbanbloom/service-kit/db'
import type { NextAction, Payment, PaymentStatus, Split } from './payment.ts'

type PaymentRow = {
  id: string
  order_id: string
  customer_id: string | null
  status: PaymentStatus
  amount_cents: number | null
  captured_cents: number
  refunded_cents: number
  refund_pending_cents: number
  currency: string
  goods_cents: number | null
  delivery_cents: number | null
  tax_cents: number | null
  provider_intent_id: string | null
  provider_token: string | null
  next_action: NextAction | null
  decline_code: string | null
  is_capture_requested: boolean
  is_void_requested: boolean
  is_due: boolean
  created_at: Date
  updated_at: Date
}

const columns = `id, order_id, customer_id, status, amount_cents, captured_cents, refunded_cents,
  refund_pending_cents, currency, goods_cents, delivery_cents, tax_cents, provider_intent_id, provider_token,
  next_action, decline_code, capture_requested_at is not null as is_capture_requested,
  void_requested_at is not null as is_void_requested, coalesce(due_at <= now(), false) as is_due,
  created_at, updated_at`

export function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    orderId: row.order_id,
    customerId: row.customer_id,
    status: row.status,
    amountCents: row.amount_cents ?? 0,
    capturedCents: row.captured_cents,
    refundedCents: row.refunded_cents,
    refundPendingCents: row.refund_pending_cents,
    currency: row.currency,
    split: {
      goodsCents: row.goods_cents ?? 0,
      deliveryCents: row.delivery_cents ?? 0,
      taxCents: row.tax_cents ?? 0,
    },
    providerIntentId: row.provider_intent_id,
    providerToken: row.provider_token,
    nextAction: row.next_action,
    declineCode: row.decline_code,
    isCaptureRequested: row.is_capture_requested,
    isVoidRequested: row.is_void_requested,
    isDue: row.is_due,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export type NewPayment = {
  id: string
  orderId: string
  customerId: string
  amountCents: number
  currency: string
  split: Split
  provider: string
  token: string
  settleAfterMs: number
}

/** Null when the order has a payment, or a tombstone, already. */
export async function insertPayment(db: Db, input: NewPayment): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(
    `insert into payments (id, order_id, customer_id, status, amount_cents, currency, goods_cents, delivery_cents,
       tax_cents, provider, provider_token, due_at)
     values ($1, $2, $3, 'processing', $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11::float8 / 1000))
     on conflict on constraint payments_one_for_each_order do nothing
     returning ${columns}`,
    [
      input.id,
      input.orderId,
      input.customerId,
      input.amountCents,
      input.currency,
      input.split.goodsCents,
      input.split.deliveryCents,
      input.split.taxCents,
      input.provider,
      input.token,
      input.settleAfterMs,
    ],
  )
  return rows[0] === undefined ? null : toPayment(rows[0])
}

/** Leaves the mark that refuses an authorization which arrives late. Null when the order has a payment. */
export async function insertTombstone(db: Db, id: string, orderId: string): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(
    `insert into payments (id, order_id, status, void_requested_at) values ($1, $2, 'voided', now())
     on conflict on constraint payments_one_for_each_order do nothing
     returning ${columns}`,
    [id, orderId],
  )
  return rows[0] === undefined ? null : toPayment(rows[0])
}

export async function findPayment(db: Db, id: string): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(`select ${columns} from payments where id = $1`, [id])
  return rows[0] === undefined ? null : toPayment(rows[0])
}

export async function findPaymentOfOrder(db: Db, orderId: string): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(`select ${columns} from payments where order_id = $1`, [orderId])
  return rows[0] === undefined ? null : toPayment(rows[0])
}

/** Holds the row to the end of the transaction, so that what is computed from it stays true. */
export async function lockPayment(tx: Db, id: string): Promise<Payment | null> {
  const rows = await tx.query<PaymentRow>(`select ${columns} from payments where id = $1 for update`, [id])
  return rows[0] === undefined ? null : toPayment(rows[0])
}

export type Move = {
  id: string
  from: readonly PaymentStatus[]
  to: PaymentStatus
  intentId: string | null
  capturedCents: number
  declineCode: string | null
  nextAction: NextAction | null
  /** When the settling job looks at a payment that waits for its customer. */
  recheckMs: number
}

/** Makes one move of the state machine; null when the payment is not (or no longer) where the move starts. */
export async function movePayment(db: Db, move: Move): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(
    `update payments set
       status = $2,
       provider_intent_id = coalesce(provider_intent_id, $4),
       captured_cents = case when $2 = 'captured' then $5::bigint else captured_cents end,
       decline_code = $6,
       next_action = $7::jsonb,
       provider_token = case when $2 = 'processing' then provider_token end,
       due_at = case
         when $2 = 'processing' then due_at
         when $2 = 'voided' then null
         when void_requested_at is not null or (capture_requested_at is not null and $2 = 'authorized') then now()
         when $2 = 'requires_action' then now() + make_interval(secs => $8::float8 / 1000) end,
       settle_tries = 0,
       updated_at = now()
     where id = $1 and status = any($3::text[])
     returning ${columns}`,
    [
      move.id,
      move.to,
      move.from,
      move.intentId,
      move.capturedCents,
      move.declineCode,
      move.nextAction === null ? null : JSON.stringify(move.nextAction),
      move.recheckMs,
    ],
  )
  return rows[0] === undefined ? null : toPayment(rows[0])
}

/** Remembers the provider's id while the outcome is open. */
export async function rememberIntent(db: Db, id: string, intentId: string): Promise<void> {
  await db.query('update payments set provider_intent_id = $2 where id = $1 and provider_intent_id is null', [
    id,
    intentId,
  ])
}

/** Records the wish before the provider is called. Null where there is nothing to capture. */
export async function requestCapture(
  db: Db,
  orderId: string,
  settleAfterMs: number,
): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(
    `update payments set
       capture_requested_at = coalesce(capture_requested_at, now()),
       due_at = coalesce(due_at, now() + make_interval(secs => $2::float8 / 1000)),
       updated_at = now()
     where order_id = $1 and status = 'authorized' and void_requested_at is null
     returning ${columns}`,
    [orderId, settleAfterMs],
  )
  return rows[0] === undefined ? null : toPayment(rows[0])
}

/** Records the wish before the provider is called. Null where nothing is left to void. */
export async function requestVoid(db: Db, orderId: string, settleAfterMs: number): Promise<Payment | null> {
  const rows = await db.query<PaymentRow>(
    `update payments set
       void_requested_at = coalesce(void_requested_at, now()),
       due_at = case when status = 'declined' then now()
         else coalesce(due_at, now() + make_interval(secs => $2::float8 / 1000)) end,
       updated_at = now()
     where order_id = $1 and (status in ('processing', 'requires_action', 'authorized', 'captured', 'partially_refunded')
       or (status = 'declined' and void_requested_at is null and provider_intent_id is not null))
     returning ${columns}`,
    [orderId, settleAfterMs],
  )
  return rows[0] === undefined ? null : toPayment(rows[0])
}

/** Nothing is open any more, unless something else was asked or happened since the row was read. */
export async function clearDue(db: Db, payment: Payment): Promise<void> {
  await db.query(
    `update payments set due_at = null
     where id = $1 and status = $2 and (void_requested_at is not null) = $3 and due_at is not null`,
    [payment.id, payment.status, payment.isVoidRequested],
  )
}

/** Lets the settling job look soon: what was asked just now has no answer yet. */
export async function settleSoon(db: Db, id: string, inMs: number): Promise<void> {
  await db.query(
    `update payments set due_at = least(due_at, now() + make_interval(secs => $2::float8 / 1000))
     where id = $1 and due_at is not null`,
    [id, inMs],
  )
}

/** Takes due payments and sets the time of their next look, 2 s doubled with each try up to 10 minutes. */
export async function claimDuePayments(db: Db, limit: number): Promise<Payment[]> {
  const rows = await db.query<PaymentRow>(
    `update payments set
       due_at = now() + least(interval '2 seconds' * power(2, least(settle_tries, 10)), interval '10 minutes'),
       settle_tries = settle_tries + 1
     where id in (select id from payments where due_at <= now() order by due_at limit $1 for update skip locked)
     returning ${columns}`,
    [limit],
  )
  return rows.map(toPayment)
}
