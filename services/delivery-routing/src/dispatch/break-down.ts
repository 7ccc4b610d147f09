import { type Db, violates } from '@urbanbloom/service-kit/db'
import { conflict, notFound, type ServiceError, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import { findHub } from '../fleet/hub-store.ts'
import { distanceMeters } from '../geo.ts'
import type { PlanRecord } from '../planning/plan.ts'
import { RELOAD_MS } from '../planning/plannable.ts'
import { queuePlan } from '../planning/request-plan.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { lockUnchanged } from './manual-control.ts'
import { openStatuses, type Route } from './route.ts'
import { findRoute } from './route-store.ts'

/** In town, with the loading at the place of the breakdown. */
const RESCUE_METERS_PER_SECOND = 6
const RESCUE_LOADING_MS = 20 * 60_000

/**
 * A van or its driver is out of service. What has not left the hub goes to others with the next plan. What is on the
 * van comes back to the hub, which takes until `readyAt`, and can then be loaded by others: its deliveries are open
 * again, in their windows, and a repair of the day finds places for those that can still be in time.
 * @returns the repair that was queued.
 */
export async function breakDown(
  ctx: Context,
  routeId: string,
  { reason, readyAt }: { reason: string; readyAt?: Date | undefined },
): Promise<PlanRecord> {
  const route = await findRouteInUse(ctx.db, routeId)
  const at = ctx.now()
  const backAt = readyAt ?? (await estimateReturn(ctx, route))
  return recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    await tx.query(
      `update shifts set out_of_service_at = least(out_of_service_at, $2), out_of_service_reason = $3 where id = $1`,
      [route.shiftId, at, reason],
    )
    if (route.status === 'started') await unload(ctx, tx, changes, { route, at, backAt })
    const day = { hubId: route.hubId, date: route.date, requestedBy: null }
    return queuePlan(ctx, tx, { ...day, scope: 'repair', cause: 'break_down' })
  })
}

/** Takes the open stops off a route under way and ends it; their deliveries can be planned again. */
async function unload(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { route, at, backAt }: { route: Route; at: Date; backAt: Date },
): Promise<void> {
  const open = route.stops.filter(({ status }) => openStatuses.includes(status))
  const orderIds = open.map(({ orderId }) => orderId)
  await tx.query(
    `update stops set status = 'removed', position = null, pin = null, unloaded_at = $2, updated_at = now()
     where id = any($1::uuid[])`,
    [open.map(({ id }) => id), at],
  )
  await tx.query(
    `update routes set status = 'completed', completed_at = $2, broken_down_at = $2, version = version + 1,
       updated_at = now()
     where id = $1`,
    [route.id, at],
  )
  const windows = await tx.query<{ order_id: string; id: string; starts_at: Date; ends_at: Date }>(
    `with locked as (
       select order_id from deliveries
       where order_id = any($1::uuid[]) and status in ('loaded', 'arrived') order by order_id for update
     )
     update deliveries d set status = 'confirmed', has_left = true, ready_at = $2, updated_at = now()
     from locked, delivery_windows w
     where d.order_id = locked.order_id and w.id = d.window_id
     returning d.order_id, w.id, w.starts_at, w.ends_at`,
    [orderIds, backAt],
  )
  await publishDeliveryEvents(
    ctx,
    tx,
    'delivery.rescheduled',
    windows.map(({ order_id: orderId, id, starts_at: start, ends_at: end }) => ({
      orderId,
      window: { id, start: start.toISOString(), end: end.toISOString() },
      outForDelivery: false,
    })),
  )
  changes.toDriver(route.driverId, 'route.broken_down', { routeId: route.id, version: route.version + 1 })
  for (const orderId of orderIds) changes.toCustomer(orderId, 'delivery.rescheduled')
}

type TakeOver = { driverId: string; vehicleId?: string | undefined; delayMinutes: number }

/**
 * Another driver goes on with a route under way, with the same van or with another one that meets it: everything on
 * board changes hands, and the stops stay as they are, later by the hand-over.
 */
export async function takeOverRoute(
  ctx: Context,
  routeId: string,
  { driverId, vehicleId, delayMinutes }: TakeOver,
): Promise<void> {
  const route = await findRouteInUse(ctx.db, routeId)
  if (route.status !== 'started') {
    throw conflict('route_not_started', 'The route has not started; assign it instead')
  }
  const vehicle = await findVehicleFor(ctx.db, route, vehicleId ?? route.vehicleId)
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    await refuseBusy(tx, route, driverId)
    if (driverId !== route.driverId) {
      await tx.query(
        `insert into route_take_overs (route_id, driver_id, until) values ($1, $2, $3) on conflict do nothing`,
        [route.id, route.driverId, ctx.now()],
      )
    }
    await tx.query(
      `update routes set driver_id = $2, vehicle_id = $3, driver_pinned = true, version = version + 1,
         ends_at = ends_at + make_interval(mins => $4), resumes_at = $5, updated_at = now()
       where id = $1`,
      [route.id, driverId, vehicle, delayMinutes, new Date(ctx.now().getTime() + delayMinutes * 60_000)],
    )
    await tx.query(
      `update stops set eta = eta + make_interval(mins => $2), updated_at = now()
       where route_id = $1 and status in ('pending', 'arrived')`,
      [route.id, delayMinutes],
    )
    if (driverId !== route.driverId) changes.toDriver(route.driverId, 'route.removed', { routeId })
    changes.toDriver(driverId, 'route.taken_over', { routeId, version: route.version + 1 })
    for (const { orderId, status } of route.stops) {
      if (openStatuses.includes(status)) changes.toCustomer(orderId, 'delivery.progress')
    }
  }).catch((err: unknown) => {
    // The driver has started another route in this very moment.
    throw violates(err, 'routes_one_started_per_driver') ? driverBusy(driverId, err) : err
  })
}

function driverBusy(driverId: string, cause?: unknown): ServiceError {
  return conflict('driver_busy', `The driver ${driverId} is on another route`, { cause })
}

async function findVehicleFor(db: Db, route: Route, vehicleId: string): Promise<string> {
  const [vehicle] = await db.query<{ weight: number; volume: number }>(
    `select capacity_weight_grams as weight, capacity_volume_milliliters as volume
     from vehicles where id = $1 and hub_id = $2`,
    [vehicleId, route.hubId],
  )
  if (vehicle === undefined) {
    throw unprocessable('vehicle_unknown', `The hub ${route.hubId} has no vehicle ${vehicleId}`)
  }
  const aboard = route.stops.filter(({ status }) => openStatuses.includes(status))
  const grams = aboard.reduce((sum, { weightGrams }) => sum + weightGrams, 0)
  const milliliters = aboard.reduce((sum, { volumeMilliliters }) => sum + volumeMilliliters, 0)
  if (grams <= vehicle.weight && milliliters <= vehicle.volume) return vehicleId
  throw conflict(
    'vehicle_over_capacity',
    `On board are ${grams} g and ${milliliters} ml; the vehicle takes ${vehicle.weight} g and ${vehicle.volume} ml`,
  )
}

async function refuseBusy(tx: Db, route: Route, driverId: string): Promise<void> {
  const [driver] = await tx.query<{ is_busy: boolean }>(
    `select exists (select from routes r where r.driver_id = d.id and r.status = 'started' and r.id <> $2) as is_busy
     from drivers d where d.id = $1 and d.status = 'active'`,
    [driverId, route.id],
  )
  if (driver === undefined) throw unprocessable('driver_unknown', `There is no active driver ${driverId}`)
  if (driver.is_busy) throw driverBusy(driverId)
}

async function findRouteInUse(db: Db, id: string): Promise<Route> {
  const route = await findRoute(db, id)
  if (route === null || route.status === 'superseded') {
    throw notFound('route_not_found', `There is no route ${id}`)
  }
  if (route.status === 'completed') throw conflict('route_ended', `The route ${id} has ended already`)
  return route
}

/** Somebody drives out from where the van was last seen, or from its next stop, loads, drives back, and unloads. */
async function estimateReturn(ctx: Context, route: Route): Promise<Date> {
  const hub = await findHub(ctx.db, route.hubId)
  const [seen] = await ctx.db.query<{ latitude: number; longitude: number }>(
    'select latitude, longitude from driver_positions where driver_id = $1 and recorded_at >= $2',
    [route.driverId, route.startedAt ?? ctx.now()],
  )
  const next = route.stops.find(({ status }) => openStatuses.includes(status))
  const place = seen ?? next?.address
  const meters = hub === null || place === undefined ? 0 : distanceMeters(hub, place)
  const drivingMs = ((2 * meters) / RESCUE_METERS_PER_SECOND) * 1000
  return new Date(ctx.now().getTime() + drivingMs + RESCUE_LOADING_MS + RELOAD_MS)
}
