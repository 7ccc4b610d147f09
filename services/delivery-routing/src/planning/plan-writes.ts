import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Route } from '../dispatch/route.ts'
import type { NewRoute, NewStop } from './from-solution.ts'
import type { Claim } from './plan-store.ts'

/** A route of the plan as it now is: `driverId` may be one that a person chose. */
export type WrittenRoute = { id: string; driverId: string; version: number; stops: NewStop[] }

/**
 * Locks those of the deliveries that a plan may still place: they are neither released nor loaded. Their stops
 * are on planned routes of this day, because a delivery never leaves its window.
 */
export async function lockPlannableDeliveries(tx: Db, orderIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ order_id: string }>(
    `select order_id from deliveries
     where order_id = any($1::uuid[]) and status in ('confirmed', 'planned') and held_back_reason is null order by order_id for update`,
    [orderIds],
  )
  return new Set(rows.map(({ order_id }) => order_id))
}

/** A shift's planned route keeps its id through plans, and the driver that a person chose for it. */
export async function writeRoutes(
  tx: Db,
  claim: Pick<Claim, 'planId' | 'hubId' | 'date'>,
  routes: readonly NewRoute[],
): Promise<WrittenRoute[]> {
  const rows = await tx.query<{ id: string; shift_id: string; driver_id: string; version: number }>(
    `insert into routes as r (id, plan_id, hub_id, local_date, shift_id, driver_id, vehicle_id, status,
       distance_meters, duration_seconds, starts_at, ends_at, breaks)
     select id, $1::uuid, $2::uuid, $3::date, shift_id, driver_id, vehicle_id, 'planned', distance_meters,
       duration_seconds, starts_at, ends_at, breaks::jsonb
     from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::int[], $9::int[], $10::timestamptz[],
       $11::timestamptz[], $12::text[])
       as new (id, shift_id, driver_id, vehicle_id, distance_meters, duration_seconds, starts_at, ends_at, breaks)
     on conflict (shift_id) where status = 'planned' do update
       set plan_id = excluded.plan_id, version = r.version + 1, updated_at = now(),
           driver_id = case when r.driver_pinned then r.driver_id else excluded.driver_id end,
           vehicle_id = excluded.vehicle_id, distance_meters = excluded.distance_meters,
           duration_seconds = excluded.duration_seconds, starts_at = excluded.starts_at,
           ends_at = excluded.ends_at, breaks = excluded.breaks
     returning id, shift_id, driver_id, version`,
    [
      claim.planId,
      claim.hubId,
      claim.date,
      routes.map(({ id }) => id ?? newId()),
      routes.map(({ shiftId }) => shiftId),
      routes.map(({ driverId }) => driverId),
      routes.map(({ vehicleId }) => vehicleId),
      routes.map(({ distanceMeters }) => distanceMeters),
      routes.map(({ durationSeconds }) => durationSeconds),
      routes.map(({ startsAt }) => startsAt),
      routes.map(({ endsAt }) => endsAt),
      routes.map(({ breaks }) => JSON.stringify(breaks)),
    ],
  )
  const stopsOf = new Map(routes.map(({ shiftId, stops }) => [shiftId, stops]))
  return rows.map((row) => ({
    id: row.id,
    driverId: row.driver_id,
    version: row.version,
    stops: stopsOf.get(row.shift_id) ?? [],
  }))
}

/**
 * Moves the stops that exist, adds those that are new, and removes those that the plan leaves out. A delivery
 * keeps its stop, so that what a driver's phone knows stays true; a pin holds as long as the route stays.
 */
export async function writeStops(
  tx: Db,
  written: readonly WrittenRoute[],
  before: readonly Route[],
): Promise<void> {
  const places = written.flatMap(({ id, stops }) =>
    stops.map((stop, index) => ({ ...stop, routeId: id, position: index + 1 })),
  )
  const planned = before.filter(({ status }) => status === 'planned')
  const kept = new Set(places.map(({ orderId }) => orderId))
  const removed = planned.flatMap(({ stops }) => stops.filter(({ orderId }) => !kept.has(orderId)))
  await tx.query(
    `update stops set status = 'removed', position = null, pin = null, updated_at = now()
     where id = any($1::uuid[])`,
    [removed.map(({ id }) => id)],
  )
  await tx.query(
    `insert into stops as s (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds,
       leg_meters, service_seconds, break_seconds)
     select id, route_id, order_id, position, 'pending', planned_arrival, planned_arrival, leg_seconds,
       leg_meters, service_seconds, break_seconds
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::timestamptz[], $6::int[], $7::int[],
       $8::int[], $9::int[])
       as new (id, route_id, order_id, position, planned_arrival, leg_seconds, leg_meters, service_seconds,
         break_seconds)
     on conflict (order_id) where status in ('pending', 'arrived', 'delivered') do update
       set route_id = excluded.route_id, position = excluded.position,
           planned_arrival = excluded.planned_arrival, eta = excluded.eta, leg_seconds = excluded.leg_seconds,
           leg_meters = excluded.leg_meters, service_seconds = excluded.service_seconds,
           break_seconds = excluded.break_seconds,
           pin = case when s.route_id = excluded.route_id then s.pin end, updated_at = now()`,
    [
      places.map(({ id }) => id ?? newId()),
      places.map(({ routeId }) => routeId),
      places.map(({ orderId }) => orderId),
      places.map(({ position }) => position),
      places.map(({ plannedArrival }) => plannedArrival),
      places.map(({ legSeconds }) => legSeconds),
      places.map(({ legMeters }) => legMeters),
      places.map(({ serviceSeconds }) => serviceSeconds),
      places.map(({ breakSeconds }) => breakSeconds),
    ],
  )
}

export async function supersedeRoutes(tx: Db, routes: readonly Route[]): Promise<void> {
  await tx.query(
    `update routes set status = 'superseded', version = version + 1, updated_at = now()
     where id = any($1::uuid[])`,
    [routes.map(({ id }) => id)],
  )
}

/** Routes that a plan leaves as they are belong to it all the same, so that it shows the whole day. */
export async function takeOverRoutes(
  tx: Db,
  claim: Pick<Claim, 'planId'>,
  routes: readonly Route[],
): Promise<void> {
  await tx.query('update routes set plan_id = $1 where id = any($2::uuid[])', [
    claim.planId,
    routes.map(({ id }) => id),
  ])
}

export async function setDeliveryStatus(
  tx: Db,
  status: 'planned' | 'confirmed',
  orderIds: readonly string[],
): Promise<void> {
  await tx.query(
    `update deliveries set status = $1, updated_at = now()
     where order_id = any($2::uuid[]) and status in ('confirmed', 'planned') and status <> $1`,
    [status, orderIds],
  )
}
