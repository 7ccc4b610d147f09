import type { HoldDelivery } from '@urbanbloom/contracts/delivery'
import { violates } from '@urbanbloom/service-kit/db'
import { conflict } from '@urbanbloom/service-kit/errors'
import type * as z from 'zod'
import type { Context } from '../context.ts'
import { windowUnavailable } from '../windows/find-windows.ts'
import { forgetCachedWindows } from '../windows/window-cache.ts'
import type { DeliveryStatus } from './delivery.ts'

type Hold = z.infer<typeof HoldDelivery>

/**
 * Takes one place of a window for an order; again for the same order is the same hold.
 * @returns the delivery's status: `held`, or where it has come to since.
 */
export async function holdDelivery(ctx: Context, hold: Hold): Promise<DeliveryStatus> {
  const taken = await takePlace(ctx, hold)
  if (taken !== undefined) {
    if (taken.full) forgetCachedWindows(ctx, [taken.hub_id])
    ctx.metrics.holds.inc({ outcome: 'held' })
    return 'held'
  }
  const [known] = await ctx.db.query<{ status: DeliveryStatus }>(
    'select status from deliveries where order_id = $1',
    [hold.orderId],
  )
  if (known === undefined) {
    ctx.metrics.holds.inc({ outcome: 'unavailable' })
    throw windowUnavailable('This delivery window is unknown or has begun; choose another')
  }
  if (known.status === 'released') {
    ctx.metrics.holds.inc({ outcome: 'released' })
    throw conflict('delivery_released', 'This order’s delivery was given up; it cannot be held again')
  }
  ctx.metrics.holds.inc({ outcome: 'repeated' })
  return known.status
}

/**
 * One statement. The row comes first: of two requests for one order the second waits here and then takes nothing.
 * A full window is refused by its check constraint, which undoes the row, too.
 */
async function takePlace(ctx: Context, hold: Hold): Promise<{ hub_id: string; full: boolean } | undefined> {
  try {
    const rows = await ctx.db.query<{ hub_id: string; full: boolean }>(
      `with delivery as (
         insert into deliveries
           (order_id, status, customer_id, window_id, holds_capacity, weight_grams, volume_milliliters, expires_at)
         select $1, 'held', $2, id, true, $4, $5, now() + make_interval(secs => $6::double precision / 1000)
         from delivery_windows where id = $3 and starts_at > $7
         on conflict (order_id) do nothing
         returning window_id
       )
       update delivery_windows w set held = w.held + 1 from delivery
       where w.id = delivery.window_id
       returning w.hub_id, w.held >= w.capacity as full`,
      [
        hold.orderId,
        hold.customerId,
        hold.windowId,
        hold.weightGrams,
        hold.volumeMilliliters,
        ctx.config.holdLimitMs,
        ctx.now(),
      ],
    )
    return rows[0]
  } catch (err) {
    if (!violates(err, 'delivery_windows_held_fits')) throw err
    ctx.metrics.holds.inc({ outcome: 'full' })
    throw windowUnavailable('This delivery window is full; choose another', err)
  }
}
