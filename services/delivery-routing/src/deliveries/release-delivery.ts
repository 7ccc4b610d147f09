import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, unavailable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { removeStop } from '../dispatch/remove-stop.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { forgetCachedWindows } from '../windows/window-cache.ts'
import { returnCapacity } from '../windows/window-store.ts'
import { type DeliveryStatus, releasableStatuses } from './delivery.ts'
import { lockRoutesOf } from './lock-routes-of.ts'

type Cause = 'order' | 'expired'

const MAX_TRIES = 3

/**
 * Gives a delivery up and returns its place exactly once; a planned stop leaves its route. An order that was
 * never held leaves a tombstone, so that a hold that arrives late is refused. 409 once it is on a van.
 * `expired` lets go of nothing but an expired hold.
 */
export async function releaseDelivery(ctx: Context, orderId: string, cause: Cause): Promise<void> {
  let fullHubs: string[] | null | 'again' = 'again'
  for (let attempt = 1; fullHubs === 'again'; attempt += 1) {
    if (attempt > MAX_TRIES)
      throw unavailable('delivery_busy', 'The delivery keeps changing; try again shortly')
    fullHubs = await recordChanges(ctx, (tx, changes) => release(ctx, tx, changes, orderId, cause))
  }
  if (fullHubs === null) return
  forgetCachedWindows(ctx, fullHubs)
  ctx.metrics.releases.inc({ cause })
}

/**
 * Null when there was nothing to do, `again` when a hold was written at this moment, else the hubs of which a
 * window was full and no longer is.
 */
async function release(
  ctx: Context,
  tx: Db,
  changes: Changes,
  orderId: string,
  cause: Cause,
): Promise<string[] | null | 'again'> {
  await lockRoutesOf(tx, orderId)
  const [released] = await tx.query<{ window_id: string; held_capacity: boolean }>(
    `with locked as (
       select order_id, holds_capacity from deliveries
       where order_id = $1 and status = any($2::text[]) and not has_left and ($3 <> 'expired' or expires_at < now())
       for update
     )
     update deliveries d set status = 'released', holds_capacity = false, expires_at = null, updated_at = now()
     from locked where d.order_id = locked.order_id
     returning d.window_id, locked.holds_capacity as held_capacity`,
    [orderId, cause === 'expired' ? ['held'] : releasableStatuses, cause],
  )
  if (released === undefined) {
    return cause === 'order' ? leaveTombstone(tx, orderId) : null
  }
  await removeStop(ctx, tx, changes, orderId)
  changes.toCustomer(orderId, 'delivery.released')
  return released.held_capacity ? (await returnCapacity(tx, [released.window_id])).wasFull : []
}

async function leaveTombstone(tx: Db, orderId: string): Promise<null | 'again'> {
  const left = await tx.query(
    `insert into deliveries (order_id, status, holds_capacity) values ($1, 'released', false)
     on conflict (order_id) do nothing returning order_id`,
    [orderId],
  )
  if (left.length > 0) return null
  const [known] = await tx.query<{ status: DeliveryStatus; has_left: boolean }>(
    'select status, has_left from deliveries where order_id = $1',
    [orderId],
  )
  if (known?.status === 'released') return null
  if (known === undefined) return 'again'
  if (releasableStatuses.includes(known.status) && !known.has_left) return 'again'
  throw conflict('delivery_loaded', 'The order is on a van already; its delivery cannot be given up')
}
