import { violates } from '@urbanbloom/service-kit/db'
import { conflict, type ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { type Decision, lockUndecided, recordDecision } from '../deliveries/decide-failure.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import { findHub } from '../fleet/hub-store.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { lockUnchanged } from './manual-control.ts'
import { openStatuses, type Route, type Stop } from './route.ts'
import { findRoute } from './route-store.ts'

/**
 * Tries a failed stop again on the same route, after all others: the van has the parcels. A route that had no other
 * stop left is under way again.
 */
export async function retryToday(ctx: Context, decision: Decision): Promise<Route['id']> {
  const { orderId } = decision
  const { route, stop } = await findFailed(ctx, orderId)
  const legs = await legsTo(ctx, route, stop)
  const lastEta = Math.max(
    ctx.now().getTime(),
    ...route.stops.map(({ eta, completedAt, serviceSeconds }) => {
      return completedAt?.getTime() ?? eta.getTime() + serviceSeconds * 1000
    }),
  )
  const arrival = new Date(Math.max(lastEta + legs.there.seconds * 1000, stop.windowStart.getTime()))
  const endsAt = new Date(arrival.getTime() + (stop.serviceSeconds + legs.back.seconds) * 1000)
  const extraMeters = legs.there.meters + legs.back.meters - legs.backBefore.meters

  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    const { windowId } = await lockUndecided(tx, orderId, ['failed'])
    await refuseAnotherRoute(tx, route)
    const stopId = newId()
    await tx.query(
      `insert into stops (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds, leg_meters,
         service_seconds)
       values ($1, $2, $3, $4, 'pending', $5, $5, $6, $7, $8)`,
      [
        stopId,
        route.id,
        orderId,
        Math.max(0, ...route.stops.map(({ position }) => position)) + 1,
        arrival,
        legs.there.seconds,
        legs.there.meters,
        stop.serviceSeconds,
      ],
    )
    const [written] = await tx.query<{ version: number }>(
      `update routes set version = version + 1, status = 'started', completed_at = null,
         ends_at = greatest(ends_at, $2), distance_meters = greatest(0, distance_meters + $3), updated_at = now()
       where id = $1 returning version`,
      [route.id, endsAt, extraMeters],
    )
    await tx.query(
      `update deliveries set status = 'loaded', failure_reason = null, has_left = true, updated_at = now()
       where order_id = $1`,
      [orderId],
    )
    await recordDecision(tx, decision, 'retry_today', windowId)
    const window = {
      id: windowId,
      start: stop.windowStart.toISOString(),
      end: stop.windowEnd.toISOString(),
    }
    await publishDeliveryEvents(ctx, tx, 'delivery.rescheduled', [{ orderId, window, outForDelivery: true }])
    changes.toDriver(route.driverId, 'stop.added', {
      routeId: route.id,
      version: written?.version,
      stopId,
      orderId,
    })
    changes.toCustomer(orderId, 'delivery.rescheduled')
  }).catch((err: unknown) => {
    throw violates(err, 'routes_one_started_per_driver') ? onAnotherRoute(err) : err
  })
  return route.id
}

async function findFailed(ctx: Context, orderId: string): Promise<{ route: Route; stop: Stop }> {
  const [failed] = await ctx.db.query<{ route_id: string; stop_id: string }>(
    `select route_id, id as stop_id from stops where order_id = $1 and status = 'failed'
     order by completed_at desc, id desc limit 1`,
    [orderId],
  )
  const route = failed === undefined ? null : await findRoute(ctx.db, failed.route_id)
  const stop = route?.stops.find(({ id }) => id === failed?.stop_id)
  if (route === null || stop === undefined) {
    throw conflict('delivery_not_decidable', `The order ${orderId} has no failed stop to try again`)
  }
  const isBack = route.status === 'completed' && route.endsAt < ctx.now()
  if (isBack || route.brokenDownAt !== null) {
    throw conflict('route_ended', 'The van is back at the hub; give the delivery another window')
  }
  return { route, stop }
}

/** Opening the route again must not give the driver two. */
async function refuseAnotherRoute(tx: Parameters<typeof lockUndecided>[0], route: Route): Promise<void> {
  if (route.status === 'started') return
  const others = await tx.query(
    `select id from routes where driver_id = $1 and status = 'started' for update`,
    [route.driverId],
  )
  if (others.length > 0) throw onAnotherRoute()
}

function onAnotherRoute(cause?: unknown): ServiceError {
  return conflict('another_route_started', 'The driver is on another route by now', { cause })
}

async function legsTo(ctx: Context, route: Route, stop: Stop) {
  const hub = await findHub(ctx.db, route.hubId)
  if (hub === null) throw new Error(`The hub ${route.hubId} is gone`)
  const last =
    route.stops.findLast(({ status }) => openStatuses.includes(status)) ?? route.stops.at(-1) ?? stop
  const from = ctx.now()
  const { count, durationsSeconds, distancesMeters } = await ctx.travelTimes.matrix(
    [hub, last.address, stop.address],
    { from, to: new Date(from.getTime() + 3_600_000), timeZone: hub.timeZone },
  )
  const leg = (a: number, b: number) => ({
    seconds: durationsSeconds[a * count + b] ?? 0,
    meters: distancesMeters[a * count + b] ?? 0,
  })
  return { there: leg(1, 2), back: leg(2, 0), backBefore: leg(1, 0) }
}
