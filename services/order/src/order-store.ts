import type { PaymentAnswer } from '@urbanbloom/contracts/payment'
import type { Db } from '@urbanbloom/service-kit/db'
import { type NewOrder, type Order, parcelsOf, type Rejection } from './order.ts'

/** A row as the statements below select it: an order but for the two times that the contract writes as text. */
type OrderRow = Omit<Order, 'windowStart' | 'windowEnd'> & { windowStart: Date; windowEnd: Date }

const columns = `
  o.id, o.number, o.customer_id as "customerId", o.status, o.saga_step as "sagaStep",
  o.action_deadline as "actionDeadline", o.payment_tried as "paymentTried", o.currency,
  o.subtotal_cents as "subtotalCents", o.delivery_fee_cents as "deliveryFeeCents", o.tax_cents as "taxCents",
  o.total_cents as "totalCents", o.window_id as "windowId", o.window_start as "windowStart",
  o.window_end as "windowEnd", o.weight_grams as "weightGrams", o.volume_milliliters as "volumeMilliliters",
  o.transport, o.address, o.gift_message as "giftMessage", o.payment_id as "paymentId", o.payment_status as "paymentStatus",
  o.next_action as "nextAction", o.rejection, o.replaces_claim_id as "replacesClaimId", o.placed_at as "placedAt", o.cancelled_at as "cancelledAt",
  o.delivered_at as "deliveredAt", o.undelivered,
  (select json_agg(json_build_object(
            'productId', l.product_id, 'sku', l.sku, 'name', l.name, 'quantity', l.quantity,
            'unitPriceCents', l.unit_price_cents, 'totalCents', l.total_cents) order by l.position)
   from order_lines l where l.order_id = o.id) as lines`

function toOrder(row: OrderRow): Order {
  return { ...row, windowStart: row.windowStart.toISOString(), windowEnd: row.windowEnd.toISOString() }
}

/**
 * Writes the idempotency key, the order and its lines in one statement, with a lease for the process at work.
 * @returns the order, or null when the key is taken: the caller is not the first.
 */
export async function insertOrder(
  db: Db,
  order: NewOrder,
  { key, fingerprint, leaseMs }: { key: string; fingerprint: string; leaseMs: number },
): Promise<Order | null> {
  const [row] = await db.query<{ number: string; placed_at: Date }>(
    `with claimed as (
       insert into idempotency_keys (customer_id, key, fingerprint, order_id)
       values ($2, $3, $4, $1) on conflict (customer_id, key) do nothing
       returning order_id
     ), placed as (
       insert into orders (id, customer_id, status, saga_step, lease_until, currency, subtotal_cents,
         delivery_fee_cents, tax_cents, total_cents, window_id, window_start, window_end, weight_grams,
         volume_milliliters, address, gift_message, transport)
       select order_id, $2, 'pending', 'placing', now() + $5::integer * interval '1 millisecond', $6, $7, $8, $9, $10,
         $11::uuid, $12, $13, $14, $15, $16, $17, $23::jsonb
       from claimed
       returning id, number, placed_at
     ), lines as (
       insert into order_lines (order_id, position, product_id, sku, name, quantity, unit_price_cents, total_cents)
       select placed.id, l.position, l.product_id, l.sku, l.name, l.quantity, l.unit_price_cents,
         l.quantity * l.unit_price_cents
       from placed, unnest($18::uuid[], $19::text[], $20::text[], $21::integer[], $22::bigint[])
         with ordinality as l (product_id, sku, name, quantity, unit_price_cents, position)
     )
     select number, placed_at from placed`,
    [
      order.id,
      order.customerId,
      key,
      fingerprint,
      leaseMs,
      order.currency,
      order.subtotalCents,
      order.deliveryFeeCents,
      order.taxCents,
      order.totalCents,
      order.windowId,
      order.windowStart,
      order.windowEnd,
      order.weightGrams,
      order.volumeMilliliters,
      JSON.stringify(order.address),
      order.giftMessage,
      order.lines.map((line) => line.productId),
      order.lines.map((line) => line.sku),
      order.lines.map((line) => line.name),
      order.lines.map((line) => line.quantity),
      order.lines.map((line) => line.unitPriceCents),
      JSON.stringify(order.transport),
    ],
  )
  if (row === undefined) return null
  return { ...order, ...untouched, number: row.number, placedAt: row.placed_at }
}

/** What an order is that has just been written. */
const untouched = {
  status: 'pending',
  sagaStep: 'placing',
  actionDeadline: null,
  paymentTried: true,
  paymentId: null,
  paymentStatus: null,
  nextAction: null,
  rejection: null,
  replacesClaimId: null,
  cancelledAt: null,
  deliveredAt: null,
  undelivered: null,
} as const satisfies Partial<Order>

export async function findOrder(db: Db, id: string): Promise<Order | null> {
  const [row] = await db.query<OrderRow>(`select ${columns} from orders o where o.id = $1`, [id])
  return row === undefined ? null : toOrder(row)
}

export async function findOrderOf(db: Db, customerId: string, id: string): Promise<Order | null> {
  const [row] = await db.query<OrderRow>(
    `select ${columns} from orders o where o.id = $1 and o.customer_id = $2`,
    [id, customerId],
  )
  return row === undefined ? null : toOrder(row)
}

/** A customer's orders, newest first; `beforeId` is the last id of the page before. */
export async function listOrdersOf(
  db: Db,
  customerId: string,
  { limit, beforeId }: { limit: number; beforeId: string | null },
): Promise<Order[]> {
  const rows = await db.query<OrderRow>(
    `select ${columns} from orders o
     where o.customer_id = $1 and ($2::uuid is null or o.id < $2) order by o.id desc limit $3`,
    [customerId, beforeId, limit],
  )
  return rows.map(toOrder)
}

/** Confirms an order that is still being placed. @returns whether this call did it. */
export async function confirmOrder(tx: Db, id: string, payment: PaymentAnswer): Promise<boolean> {
  const rows = await tx.query(
    `update orders set status = 'confirmed', confirmed_at = now(), saga_step = null, lease_until = null,
       action_deadline = null, next_action = null, payment_id = $2, payment_status = $3
     where id = $1 and saga_step in ('placing', 'awaiting_payment') returning id`,
    [id, payment.id, payment.status],
  )
  return rows.length > 0
}

/** Parks an order until its payment settles: the bank wants the customer, or the provider has not answered. */
export async function awaitPayment(
  tx: Db,
  id: string,
  payment: PaymentAnswer,
  { checkAgainMs, limitMs }: { checkAgainMs: number; limitMs: number },
): Promise<boolean> {
  const rows = await tx.query(
    `update orders set saga_step = 'awaiting_payment',
       status = case when $3 = 'requires_action' then 'payment_action_required' else 'pending' end,
       payment_id = $2, payment_status = $3, next_action = $4,
       action_deadline = coalesce(action_deadline, now() + $6::integer * interval '1 millisecond'),
       lease_until = least(now() + $5::integer * interval '1 millisecond',
                           coalesce(action_deadline, now() + $6::integer * interval '1 millisecond'))
     where id = $1 and saga_step in ('placing', 'awaiting_payment') returning id`,
    [
      id,
      payment.id,
      payment.status,
      payment.nextAction === undefined ? null : JSON.stringify(payment.nextAction),
      checkAgainMs,
      limitMs,
    ],
  )
  return rows.length > 0
}

/**
 * Rejects an order that is still being placed; what it took is given back next, and a claim that it was to make good
 * is open again. @returns whether this call did it.
 */
export async function rejectOrder(
  tx: Db,
  id: string,
  rejection: Rejection,
  { leaseMs, paymentTried }: { leaseMs: number; paymentTried: boolean },
): Promise<boolean> {
  const rows = await tx.query(
    `with ended as (
       update orders set status = 'rejected', rejection = $2, saga_step = 'unwinding', next_action = null,
         lease_until = now() + $3::integer * interval '1 millisecond', payment_tried = $4
       where id = $1 and saga_step in ('placing', 'awaiting_payment') returning id, replaces_claim_id
     ), reopened as (
       update claims c set status = 'open', resolved_at = null from ended
       where c.id = ended.replaces_claim_id and c.status = 'redelivering'
     )
     select id from ended`,
    [id, JSON.stringify(rejection), leaseMs, paymentTried],
  )
  return rows.length > 0
}

/** Ends the saga after everything was given back; `payment` says how the money ended. */
export async function finishUnwinding(db: Db, id: string, payment: PaymentAnswer | null): Promise<void> {
  await db.query(
    `update orders set saga_step = null, lease_until = null,
       payment_id = coalesce($2, payment_id), payment_status = coalesce($3, payment_status)
     where id = $1 and saga_step = 'unwinding'`,
    [id, payment?.id ?? null, payment?.status ?? null],
  )
}

export function confirmedEvent(order: Order) {
  return {
    orderId: order.id,
    number: order.number,
    customerId: order.customerId,
    windowId: order.windowId,
    weightGrams: order.weightGrams,
    volumeMilliliters: order.volumeMilliliters,
    valueCents: order.subtotalCents,
    parcels: parcelsOf(order),
    address: order.address,
    ...(Object.keys(order.transport).length === 0 ? {} : { transport: order.transport }),
  }
}
