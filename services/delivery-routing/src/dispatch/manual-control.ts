import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import type { Hub } from '../fleet/hub.ts'
import { findHub } from '../fleet/hub-store.ts'
import type { Changes } from '../stream/record-changes.ts'
import type { Retimed } from './retime.ts'
import type { Route, Stop } from './route.ts'
import { findRoute, lockRoutes } from './route-store.ts'

/** A route that a person may still change; 404 where there is none, 409 once the driver has started it. */
export async function findChangeableRoute(db: Db, id: string): Promise<{ route: Route; hub: Hub }> {
  const route = await findRoute(db, id)
  if (route === null || route.status === 'superseded') {
    throw notFound('route_not_found', `There is no route ${id}`)
  }
  refuseStarted(route)
  const hub = await findHub(db, route.hubId)
  if (hub === null) throw new Error(`The hub ${route.hubId} of the route ${id} is gone`)
  return { route, hub }
}

/** Locks the routes and refuses when one is not any more what it was when it was read. */
export async function lockUnchanged(tx: Db, routes: readonly Route[]): Promise<void> {
  const locked = await lockRoutes(
    tx,
    routes.map(({ id }) => id),
  )
  for (const route of routes) {
    const now = locked.find(({ id }) => id === route.id)
    if (now !== undefined && now.status !== 'superseded') refuseStarted(now)
    if (now === undefined || now.version !== route.version || now.status !== route.status) {
      throw conflict('route_changed', `The route ${route.id} has just changed; read it again`)
    }
  }
}

/** Writes the new order of one route and tells those whom it concerns. */
export async function writeOrder(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { route, retimed, pinOf }: { route: Route; retimed: Retimed; pinOf: (stop: Stop) => Stop['pin'] },
): Promise<void> {
  const { stops } = retimed
  await tx.query(
    `update stops s set route_id = $1, position = new.position, planned_arrival = new.planned_arrival,
       eta = new.planned_arrival, leg_seconds = new.leg_seconds, leg_meters = new.leg_meters, pin = new.pin,
       updated_at = now()
     from unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::int[], $6::int[], $7::text[])
       as new (id, position, planned_arrival, leg_seconds, leg_meters, pin)
     where s.id = new.id`,
    [
      route.id,
      stops.map(({ stop }) => stop.id),
      stops.map(({ position }) => position),
      stops.map(({ plannedArrival }) => plannedArrival),
      stops.map(({ legSeconds }) => legSeconds),
      stops.map(({ legMeters }) => legMeters),
      stops.map(({ stop }) => pinOf(stop)),
    ],
  )
  await tx.query(
    `update routes set version = version + 1, distance_meters = $2, duration_seconds = $3,
       starts_at = least(starts_at, $4), ends_at = $4, updated_at = now()
     where id = $1`,
    [route.id, retimed.distanceMeters, retimed.durationSeconds, retimed.endsAt],
  )
  const moved = stops.filter(
    ({ stop, plannedArrival }) => stop.plannedArrival.getTime() !== plannedArrival.getTime(),
  )
  const news = moved.map(({ stop, plannedArrival }) => ({
    orderId: stop.orderId,
    plannedArrival: plannedArrival.toISOString(),
  }))
  await publishDeliveryEvents(ctx, tx, 'delivery.scheduled', news)
  for (const { orderId } of news) changes.toCustomer(orderId, 'delivery.scheduled')
  changes.toDriver(route.driverId, 'route.reordered', { routeId: route.id, version: route.version + 1 })
}

function refuseStarted(route: Route): void {
  if (route.status === 'planned') return
  throw conflict('route_started', `The driver has started the route ${route.id}; it can no longer be changed`)
}
