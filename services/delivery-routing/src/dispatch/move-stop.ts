import { conflict, notFound, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import {
  findChangeableRoute,
  lockUnchanged,
  type Manner,
  retimeChecked,
  writeOrder,
} from './manual-control.ts'
import { retime } from './retime.ts'
import type { Route, Stop } from './route.ts'

/**
 * Takes a stop to a place of another route, or of its own, and pins it to that route. What cannot be is refused with
 * the reason, unless the person forces it. The version is that of the route that takes the stop.
 */
export async function moveStop(
  ctx: Context,
  stopId: string,
  target: Manner & { routeId: string; position: number },
): Promise<Route['id']> {
  const [found] = await ctx.db.query<{ route_id: string }>(
    `select route_id from stops where id = $1 and status <> 'removed'`,
    [stopId],
  )
  if (found === undefined) throw notFound('stop_not_found', `There is no stop ${stopId}`)
  const { route: to, hub } = await findChangeableRoute(ctx.db, target.routeId, target.version)
  const from =
    found.route_id === to.id
      ? to
      : (await findChangeableRoute(ctx.db, found.route_id, target.fromVersion)).route
  const stop = from.stops.find(({ id }) => id === stopId)
  if (stop === undefined) throw conflict('route_changed', `The stop ${stopId} has just moved; read it again`)
  refuseOtherDay(from, to)

  const others = to.stops.filter(({ id }) => id !== stopId)
  refuseBeyond(others, target.position)
  const arrived = others.toSpliced(target.position - 1, 0, stop)
  const left = from.stops.filter(({ id }) => id !== stopId)
  const retimedTo = await retimeChecked(ctx, hub, to, { stops: arrived, force: target.force })
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
export function pinAt(others: readonly Stop[], position: number): Stop['pin'] {
  const before = others.slice(0, position - 1)
  return before.every(({ pin }) => pin === 'place') ? 'place' : 'route'
}

export function refuseBeyond(others: readonly Stop[], position: number): void {
  if (position <= others.length + 1) return
  throw unprocessable(
    'position_out_of_range',
    `The route has ${others.length} other stops, so the position may be 1 to ${others.length + 1}`,
  )
}

export function refuseOtherDay(from: Pick<Route, 'hubId' | 'date'>, to: Route): void {
  if (from.hubId === to.hubId && from.date === to.date) return
  throw unprocessable('route_of_other_day', 'A stop can only move to a route of the same hub and day')
}
