import type { Db } from '@urbanbloom/service-kit/db'
import type { ServiceError } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { removeStop } from '../dispatch/remove-stop.ts'
import type { Changes } from '../stream/record-changes.ts'
import { type LockedStop, removed } from './lock-stop.ts'

/**
 * Puts a stop back on the van that broke down, for a delivery that was made before and became known after: the stop that
 * its order has meanwhile on another plan goes. Refused, with nothing changed, where the order has gone out again, was
 * handed over or ended otherwise.
 */
export async function reinstateStop(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { stop }: Pick<LockedStop, 'stop'>,
): Promise<ServiceError | null> {
  const [delivery] = await tx.query<{ status: string }>(
    'select status from deliveries where order_id = $1 for update',
    [stop.orderId],
  )
  if (delivery?.status !== 'confirmed' && delivery?.status !== 'planned') return removed(stop.id)
  await removeStop(ctx, tx, changes, stop.orderId)
  await tx.query(
    `update stops set status = $2, updated_at = now(), unloaded_at = null, position = (
       select coalesce(max(o.position), 0) + 1 from stops o where o.route_id = stops.route_id)
     where id = $1 and status = 'removed'`,
    [stop.id, stop.status],
  )
  await tx.query(
    `update deliveries set status = 'loaded', held_back_reason = null, ready_at = null, updated_at = now()
     where order_id = $1`,
    [stop.orderId],
  )
  return null
}
