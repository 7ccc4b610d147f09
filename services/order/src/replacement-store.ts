import type { Db } from '@urbanbloom/service-kit/db'
import type { NewOrder, Order } from './order.ts'
import { findOrder } from './order-store.ts'

/** Writes an order that replaces what was claimed, with a lease for the process at work. */
export async function insertReplacement(
  tx: Db,
  order: NewOrder,
  { claimId, leaseMs }: { claimId: string; leaseMs: number },
): Promise<Order> {
  await tx.query(
    `with placed as (
       insert into orders (id, customer_id, status, saga_step, lease_until, payment_tried, replaces_claim_id, currency,
         subtotal_cents, delivery_fee_cents, tax_cents, total_cents, window_id, window_start, window_end, weight_grams,
         volume_milliliters, transport, address)
       values ($1, $2, 'pending', 'placing', now() + $3::integer * interval '1 millisecond', false, $4, $5,
         0, 0, 0, 0, $6::uuid, $7, $8, $9, $10, $11::jsonb, $12::jsonb)
       returning id
     )
     insert into order_lines (order_id, position, product_id, sku, name, quantity, unit_price_cents, total_cents)
     select placed.id, l.position, l.product_id, l.sku, l.name, l.quantity, 0, 0
     from placed, unnest($13::uuid[], $14::text[], $15::text[], $16::integer[])
       with ordinality as l (product_id, sku, name, quantity, position)`,
    [
      order.id,
      order.customerId,
      leaseMs,
      claimId,
      order.currency,
      order.windowId,
      order.windowStart,
      order.windowEnd,
      order.weightGrams,
      order.volumeMilliliters,
      JSON.stringify(order.transport),
      JSON.stringify(order.address),
      order.lines.map((line) => line.productId),
      order.lines.map((line) => line.sku),
      order.lines.map((line) => line.name),
      order.lines.map((line) => line.quantity),
    ],
  )
  const placed = await findOrder(tx, order.id)
  if (placed === null) throw new Error(`The replacement ${order.id} was not written`)
  return placed
}

/** Confirms a replacement that is still being placed. @returns whether this call did it. */
export async function confirmReplacement(tx: Db, id: string): Promise<boolean> {
  const rows = await tx.query(
    `update orders set status = 'confirmed', confirmed_at = now(), saga_step = null, lease_until = null
     where id = $1 and saga_step = 'placing' and replaces_claim_id is not null returning id`,
    [id],
  )
  return rows.length > 0
}
