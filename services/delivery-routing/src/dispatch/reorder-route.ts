import { unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import {
  findChangeableRoute,
  lockUnchanged,
  type Manner,
  retimeChecked,
  writeOrder,
} from './manual-control.ts'
import type { Route, Stop } from './route.ts'

/** Puts the stops of a route into this order and pins them there; an order that cannot be is refused unless forced. */
export async function reorderRoute(
  ctx: Context,
  routeId: string,
  { stopIds, version, force }: Manner & { stopIds: readonly string[] },
): Promise<void> {
  const { route, hub } = await findChangeableRoute(ctx.db, routeId, version)
  const stops = inOrder(route, stopIds)
  const retimed = await retimeChecked(ctx, hub, route, { stops, force })
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    await writeOrder(ctx, tx, changes, { route, retimed, pinOf: () => 'place' })
  })
}

function inOrder(route: Route, stopIds: readonly string[]): Stop[] {
  const byId = new Map(route.stops.map((stop) => [stop.id, stop]))
  const given = new Set(stopIds)
  const unknown = stopIds.filter((id) => !byId.has(id))
  const missing = route.stops.map(({ id }) => id).filter((id) => !given.has(id))
  if (unknown.length > 0 || missing.length > 0 || given.size !== stopIds.length) {
    throw unprocessable('stop_set_mismatch', 'Name each stop of the route once, and no others', {
      extra: { unknownStopIds: unknown, missingStopIds: missing },
    })
  }
  return stopIds.map((id) => byId.get(id)).filter((stop) => stop !== undefined)
}
