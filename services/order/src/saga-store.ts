import type { Db } from '@urbanbloom/service-kit/db'
import type { OrderStatus, Undelivered } from './order.ts'

/** A lease doubles with each takeover, so that an order which cannot be finished does not keep everybody busy. */
const MAX_DOUBLINGS = 6

/**
 * Takes over orders whose lease has run out: at most `limit`, skipping those that another replica is taking.
 * @returns their ids; each is this process's to drive until its new lease ends.
 */
export async function claimStalledOrders(
  db: Db,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update orders set takeovers = takeovers + 1,
       lease_until = now() + $2::integer * power(2, least(takeovers, $3)) * interval '1 millisecond'
     where id in (
       select id from orders where saga_step is not null and lease_until < now()
       order by lease_until limit $1 for update skip locked)
     returning id`,
    [limit, leaseMs, MAX_DOUBLINGS],
  )
  return rows.map(({ id }) => id)
}

/** Begins to cancel a confirmed order that no van has taken. @returns whether this call did it. */
export async function beginCancelling(db: Db, id: string, leaseMs: number): Promise<boolean> {
  const rows = await db.query(
    `update orders set saga_step = 'cancelling', lease_until = now() + $2::integer * interval '1 millisecond'
     where id = $1 and status in ('confirmed', 'scheduled') and saga_step is null returning id`,
    [id, leaseMs],
  )
  return rows.length > 0
}

/** Puts an order back that turned out to be on a van already. */
export async function stopCancelling(db: Db, id: string): Promise<void> {
  await db.query(
    `update orders set saga_step = null, lease_until = null where id = $1 and saga_step = 'cancelling'`,
    [id],
  )
}

/**
 * Cancels an order that is being cancelled or that still waits for its payment; a claim that it was to make good is
 * open again. @returns whether this call did it.
 */
export async function cancelOrder(db: Db, id: string, leaseMs: number): Promise<boolean> {
  const rows = await db.query(
    `with ended as (
       update orders set status = 'cancelled', cancelled_at = now(), saga_step = 'unwinding', next_action = null,
         lease_until = now() + $2::integer * interval '1 millisecond'
       where id = $1 and saga_step in ('cancelling', 'awaiting_payment') returning id, replaces_claim_id
     ), reopened as (
       update claims c set status = 'open', resolved_at = null from ended
       where c.id = ended.replaces_claim_id and c.status = 'redelivering'
     )
     select id from ended`,
    [id, leaseMs],
  )
  return rows.length > 0
}

/** Has the recovery worker look at an order now: its payment has news. */
export async function wakeUp(tx: Db, id: string): Promise<void> {
  await tx.query(`update orders set lease_until = now() where id = $1 and saga_step = 'awaiting_payment'`, [
    id,
  ])
}

/** What a delivery's event says of its order; `sequence` counts the events of one delivery. */
export type DeliveryChange = {
  sequence: number
  status: OrderStatus
  deliveredAt?: string
  undelivered?: Undelivered | undefined
  /** It failed and gets no further try. */
  isGivenUp?: boolean
}

/** Applies a change of the delivery, unless a newer one has been seen. @returns whether it changed the order. */
export async function applyDelivery(tx: Db, id: string, change: DeliveryChange): Promise<boolean> {
  const { sequence, status, deliveredAt, undelivered, isGivenUp = false } = change
  const rows = await tx.query(
    `update orders set status = $3, delivery_sequence = $2, delivered_at = $4, undelivered = $5::jsonb,
       given_up_at = case when $6 then now() end
     where id = $1 and delivery_sequence < $2
       and status in ('confirmed', 'scheduled', 'out_for_delivery', 'delivery_failed', 'delivered') returning id`,
    [
      id,
      sequence,
      status,
      deliveredAt ?? null,
      undelivered === undefined ? null : JSON.stringify(undelivered),
      isGivenUp,
    ],
  )
  return rows.length > 0
}

/** Gives an order the window that its delivery got instead; a newer change of the window stays. */
export async function moveToWindow(
  tx: Db,
  id: string,
  change: { sequence: number; window: { id: string; start: string; end: string } },
): Promise<void> {
  const { sequence, window } = change
  await tx.query(
    `update orders set window_id = $3, window_start = $4, window_end = $5, window_sequence = $2
     where id = $1 and window_sequence < $2`,
    [id, sequence, window.id, window.start, window.end],
  )
}

/** Whether the participants may let go of what they hold for these orders. */
export async function outcomesOf(db: Db, ids: readonly string[]) {
  const rows = await db.query<{ id: string; ended: boolean }>(
    `select id, status in ('rejected', 'cancelled') as ended from orders where id = any($1::uuid[])`,
    [ids],
  )
  const known = new Map(rows.map(({ id, ended }) => [id, ended ? ('ended' as const) : ('open' as const)]))
  return ids.map((orderId) => ({ orderId, outcome: known.get(orderId) ?? ('unknown' as const) }))
}

/** A payment's statuses in the order in which they can follow each other. */
const paymentOrder = `array['processing', 'requires_action', 'authorized', 'declined', 'captured', 'partially_refunded',
  'refunded', 'voided']`

/** Records what became of a payment after the saga; a status never goes back. */
export async function recordPaymentStatus(tx: Db, id: string, status: string): Promise<void> {
  await tx.query(
    `update orders set payment_status = $2
     where id = $1 and coalesce(array_position(${paymentOrder}, payment_status), 0) < array_position(${paymentOrder}, $2)`,
    [id, status],
  )
}
