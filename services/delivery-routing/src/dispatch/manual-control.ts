import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound, type ServiceError } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import type { Hub } from '../fleet/hub.ts'
import { findHub } from '../fleet/hub-store.ts'
import type { Changes } from '../stream/record-changes.ts'
import { refuseWorse } from './find-violations.ts'
import { type Retimed, retime } from './retime.ts'
import type { Route, Stop } from './route.ts'
import { findRoute, lockRoutes } from './route-store.ts'
import { viewRoute } from './route-view.ts'

/** How a person wants a change done. */
export type Manner = {
  /** The version of the route that the person has seen; another one is refused. */
  version?: number | undefined
  /** The same of the route that gives the stops. */
  fromVersion?: number | undefined
  /** Also what cannot be: stops that are late, a van that is too full. */
  force?: boolean | undefined
}

/** A route that a person may still change; 404 where there is none, 409 once the driver has started it. */
export async function findChangeableRoute(
  db: Db,
  id: string,
  version?: number,
): Promise<{ route: Route; hub: Hub }> {
  const route = await findRoute(db, id)
  if (route === null || route.status === 'superseded') {
    throw notFound('route_not_found', `There is no route ${id}`)
  }
  refuseStarted(route)
  if (version !== undefined && version !== route.version) throw routeChanged(route, version)
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
    if (now !== undefined && now.status !== 'superseded' && route.status === 'planned') refuseStarted(now)
    if (now === undefined || now.version !== route.version || now.status !== route.status) {
      throw routeChanged(now ?? route, route.version)
    }
  }
}

/** The second of two people gets the route as it is now, so that nothing is lost. */
function routeChanged(route: Route, seen: number): ServiceError {
  const extra = {
    currentVersion: route.version,
    ...(route.status === 'superseded' ? {} : { route: viewRoute(route) }),
  }
  return conflict(
    'route_changed',
    `The route ${route.id} has changed: it is version ${route.version}, not ${seen}; look at it again`,
    { extra },
  )
}

/**
 * The times of a route with its stops in this order. What becomes impossible by it, and was not, is refused unless
 * the person forces it.
 */
export async function retimeChecked(
  ctx: Context,
  hub: Hub,
  route: Route,
  { stops, force = false }: { stops: readonly Stop[]; force?: boolean | undefined },
): Promise<Retimed> {
  const retimed = await retime(ctx, hub, route, stops)
  if (force || retimed.violations.length === 0) return retimed
  const before = await retime(ctx, hub, route, route.stops)
  refuseWorse(before.violations, retimed.violations)
  return retimed
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
       eta = new.planned_arrival, leg_seconds = new.leg_seconds, leg_meters = new.leg_meters,
       break_seconds = new.break_seconds, pin = new.pin, updated_at = now()
     from unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::int[], $6::int[], $7::int[], $8::text[])
       as new (id, position, planned_arrival, leg_seconds, leg_meters, break_seconds, pin)
     where s.id = new.id`,
    [
      route.id,
      stops.map(({ stop }) => stop.id),
      stops.map(({ position }) => position),
      stops.map(({ plannedArrival }) => plannedArrival),
      stops.map(({ legSeconds }) => legSeconds),
      stops.map(({ legMeters }) => legMeters),
      stops.map(({ breakSeconds }) => breakSeconds),
      stops.map(({ stop }) => pinOf(stop)),
    ],
  )
  await tx.query(
    `update routes set version = version + 1, distance_meters = $2, duration_seconds = $3, starts_at = $4,
       ends_at = $5, breaks = $6::jsonb, updated_at = now(),
       status = case when $7 then 'superseded' else status end
     where id = $1`,
    [
      route.id,
      retimed.distanceMeters,
      retimed.durationSeconds,
      retimed.startsAt,
      retimed.endsAt,
      JSON.stringify(retimed.breaks),
      stops.length === 0,
    ],
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
  const type = stops.length === 0 ? 'route.removed' : 'route.reordered'
  changes.toDriver(route.driverId, type, { routeId: route.id, version: route.version + 1 })
}

function refuseStarted(route: Route): void {
  if (route.status === 'planned') return
  throw conflict('route_started', `The driver has started the route ${route.id}; it can no longer be changed`)
}
