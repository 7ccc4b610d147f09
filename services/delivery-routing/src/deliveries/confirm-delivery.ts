import type { EventData } from '@urbanbloom/contracts/events'
import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { repairDayOf } from '../planning/repair-day.ts'
import type { DeliveryStatus } from './delivery.ts'

type Confirmed = EventData<'order.confirmed'>

/**
 * Turns the hold of a confirmed order into a delivery to plan. A delivery that was given up stays so; one that
 * has gone further is left alone. Where no hold is known the delivery is made all the same, because the order
 * has been promised: it takes a place of its window where one is free.
 */
export async function confirmDelivery(ctx: Context, tx: Db, order: Confirmed): Promise<void> {
  const [known] = await tx.query<{ status: DeliveryStatus }>(
    `insert into deliveries
       (order_id, status, customer_id, window_id, holds_capacity, number, weight_grams, volume_milliliters,
        parcels, address, transport, value_cents)
     values ($1, 'confirmed', $2, $3, false, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10)
     on conflict (order_id) do update
       set status = 'confirmed', number = excluded.number, weight_grams = excluded.weight_grams,
           volume_milliliters = excluded.volume_milliliters, parcels = excluded.parcels,
           address = excluded.address, transport = excluded.transport, value_cents = excluded.value_cents,
           expires_at = null, updated_at = now()
       where deliveries.status = 'held'
     returning status, holds_capacity`,
    [
      order.orderId,
      order.customerId,
      order.windowId,
      order.number,
      order.weightGrams,
      order.volumeMilliliters,
      order.parcels,
      JSON.stringify(order.address),
      JSON.stringify(order.transport ?? {}),
      order.valueCents ?? 0,
    ],
  )
  if (known === undefined) return
  await tx.query(
    `with taken as (
       update delivery_windows w set held = w.held + 1 from deliveries d
       where d.order_id = $1 and d.window_id = w.id and not d.holds_capacity and w.held < w.capacity
       returning w.id
     )
     update deliveries set holds_capacity = true
     where order_id = $1 and not holds_capacity and exists (select from taken)`,
    [order.orderId],
  )
  await repairDayOf(ctx, tx, order.orderId, 'late_order')
}
