import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import type { Changes } from '../stream/record-changes.ts'
import { queueRetime } from './retime-route.ts'

/**
 * Takes the open stop of an order off its route and closes the gap; nothing where there is none. A planned route is
 * timed anew afterwards, and one without stops is gone.
 */
export async function removeStop(ctx: Context, tx: Db, changes: Changes, orderId: string): Promise<void> {
  const [removed] = await tx.query<{ route_id: string; position: number }>(
    `with old as (
       select id, route_id, position from stops where order_id = $1 and status in ('pending', 'arrived') for update
     )
     update stops s set status = 'removed', position = null, pin = null, updated_at = now()
     from old where s.id = old.id
     returning old.route_id, old.position`,
    [orderId],
  )
  if (removed === undefined) return
  await tx.query(
    'update stops set position = position - 1, updated_at = now() where route_id = $1 and position > $2',
    [removed.route_id, removed.position],
  )
  const [route] = await tx.query<{ driver_id: string; version: number; status: string }>(
    `update routes set version = version + 1, updated_at = now() where id = $1
     returning driver_id, version, status`,
    [removed.route_id],
  )
  if (route === undefined) return
  if (route.status === 'planned') await queueRetime(ctx, tx, removed.route_id)
  changes.toDriver(route.driver_id, 'stop.removed', {
    routeId: removed.route_id,
    version: route.version,
    orderId,
  })
}
