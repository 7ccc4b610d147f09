import { type Db, violates } from '@urbanbloom/service-kit/db'
import { conflict } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import type { Route } from '../dispatch/route.ts'
import { findRoute, findRouteOfDriver, lockRoutes } from '../dispatch/route-store.ts'
import { issueDeliveryCodes } from '../proofs/delivery-code.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { noRoute } from './driver-route.ts'
import { writeEtas } from './write-etas.ts'

/**
 * Starts the driver's next route: what is on it is loaded and can no longer be cancelled. With a route under way
 * it changes nothing and gives that one.
 */
export async function startRoute(ctx: Context, driverId: string): Promise<Route> {
  try {
    const routeId = await recordChanges(ctx, (tx, changes) => start(ctx, tx, changes, driverId))
    const route = await findRoute(ctx.db, routeId)
    if (route === null) throw new Error(`The route ${routeId} is gone`)
    return route
  } catch (err) {
    if (!violates(err, 'routes_one_started_per_driver')) throw err
    throw conflict('another_route_started', 'Another route of yours is under way; finish it first', {
      cause: err,
    })
  }
}

async function start(ctx: Context, tx: Db, changes: Changes, driverId: string): Promise<string> {
  const now = ctx.now()
  const next = await findRouteOfDriver(tx, driverId, now)
  if (next === null) throw noRoute()
  const [route] = await lockRoutes(tx, [next.id])
  if (route?.status === 'started' && route.driverId === driverId) return route.id
  if (route === undefined || route.status !== 'planned' || route.driverId !== driverId) {
    throw conflict('route_changed', 'Your route has just changed; read it again')
  }
  const orderIds = route.stops.map(({ orderId }) => orderId)
  await load(tx, orderIds)
  await issueDeliveryCodes(tx, orderIds)
  await tx.query(
    `update routes set status = 'started', started_at = $2, version = version + 1, updated_at = now()
     where id = $1`,
    [route.id, now],
  )
  await writeEtas(tx, { ...route, startedAt: now }, now)
  const news = orderIds.map((orderId) => ({ orderId }))
  await publishDeliveryEvents(ctx, tx, 'delivery.out_for_delivery', news)
  for (const orderId of orderIds) changes.toCustomer(orderId, 'delivery.out_for_delivery')
  changes.toDriver(driverId, 'route.started', { routeId: route.id, version: route.version + 1 })
  return route.id
}

async function load(tx: Db, orderIds: readonly string[]): Promise<void> {
  const loaded = await tx.query(
    `with locked as (
       select order_id from deliveries
       where order_id = any($1::uuid[]) and status = 'planned' order by order_id for update
     )
     update deliveries d set status = 'loaded', updated_at = now() from locked
     where d.order_id = locked.order_id returning d.order_id`,
    [orderIds],
  )
  if (loaded.length === 0) throw noRoute()
  if (loaded.length !== orderIds.length) {
    throw conflict('route_changed', 'Your route has just changed; read it again')
  }
}
