import { conflict, notFound, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { findChangeableRoute, lockUnchanged, writeOrder } from './manual-control.ts'
import { retime } from './retime.ts'
import type { Route, Stop } from './route.ts'

/**
 * Takes a stop to a place of another route, or of its own, and pins it to that route. The vehicle must be able
 * to carry it; whether it comes in time is the person's decision.
 */
export async function moveStop(
  ctx: Context,
  stopId: string,
  target: { routeId: string; position: number },
): Promise<Route['id']> {
  const [found] = await ctx.db.query<{ route_id: string }>(
    `select route_id from stops where id = $1 and status <> 'removed'`,
    [stopId],
  )
  if (found === undefined) throw notFound('stop_not_found', `There is no stop ${stopId}`)
  const { route: to, hub } = await findChangeableRoute(ctx.db, target.routeId)
  const from = found.route_id === to.id ? to : (await findChangeableRoute(ctx.db, found.route_id)).route
  const stop = from.stops.find(({ id }) => id === stopId)
  if (stop === undefined) throw conflict('route_changed', `The stop ${stopId} has just moved; read it again`)
  refuseOtherDay(from, to)

  const others = to.stops.filter(({ id }) => id !== stopId)
  if (target.position > others.length + 1) {
    throw unprocessable(
      'position_out_of_range',
      `The route has ${others.length} other stops, so the position may be 1 to ${others.length + 1}`,
    )
  }
  if (from !== to) await refuseOverload(ctx, to, stop)
  const arrived = others.toSpliced(target.position - 1, 0, stop)
  const left = from.stops.filter(({ id }) => id !== stopId)
  const retimedTo = await retime(ctx, hub, to, arrived)
  const retimedFrom = from === to ? null : await retime(ctx, hub, from, left)

  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, from === to ? [to] : [from, to])
    if (retimedFrom !== null) {
      await writeOrder(ctx, tx, changes, { route: from, retimed: retimedFrom, pinOf: ({ pin }) => pin })
    }
    const pin = pinAt(others, target.position)
    await writeOrder(ctx, tx, changes, {
      route: to,
      retimed: retimedTo,
      pinOf: (each) => (each.id === stopId ? pin : each.pin),
    })
  })
  return to.id
}

/** Within or right behind the head of the route that a person ordered, the new stop becomes part of that order. */
function pinAt(others: readonly Stop[], position: number): Stop['pin'] {
  const before = others.slice(0, position - 1)
  return before.every(({ pin }) => pin === 'place') ? 'place' : 'route'
}

function refuseOtherDay(from: Route, to: Route): void {
  if (from.hubId === to.hubId && from.date === to.date) return
  throw unprocessable('route_of_other_day', 'A stop can only move to a route of the same hub and day')
}

async function refuseOverload(ctx: Context, to: Route, stop: Stop): Promise<void> {
  const [vehicle] = await ctx.db.query<{ weight: number; volume: number }>(
    `select capacity_weight_grams as weight, capacity_volume_milliliters as volume from vehicles where id = $1`,
    [to.vehicleId],
  )
  const load = [...to.stops, stop]
  const weight = load.reduce((sum, { weightGrams }) => sum + weightGrams, 0)
  const volume = load.reduce((sum, { volumeMilliliters }) => sum + volumeMilliliters, 0)
  if (vehicle === undefined || (weight <= vehicle.weight && volume <= vehicle.volume)) return
  throw conflict(
    'vehicle_over_capacity',
    `With this stop the vehicle would carry ${weight} g and ${volume} ml; it takes ${vehicle.weight} g and ${vehicle.volume} ml`,
  )
}
