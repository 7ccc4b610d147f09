import { violates } from '@urbanbloom/service-kit/db'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import {
  findChangeableRoute,
  lockUnchanged,
  type Manner,
  retimeChecked,
  writeOrder,
} from './manual-control.ts'
import { refuseOtherDay } from './move-stop.ts'
import { retime } from './retime.ts'
import type { Route, Stop } from './route.ts'

/** Gives some stops of a route, in this order, to another shift that has no planned route, and pins them there. */
export async function splitRoute(
  ctx: Context,
  routeId: string,
  { stopIds, shiftId, version, force }: Manner & { stopIds: readonly string[]; shiftId: string },
): Promise<Route['id']> {
  const { route, hub } = await findChangeableRoute(ctx.db, routeId, version)
  const taken = stopsOf(route, stopIds)
  if (taken.length === route.stops.length) {
    throw unprocessable('nothing_left', 'A split leaves at least one stop; assign the route instead')
  }
  const to = await freshRoute(ctx, route, shiftId)
  const retimedTo = await retimeChecked(ctx, hub, to, { stops: taken, force })
  const left = route.stops.filter(({ id }) => !stopIds.includes(id))
  const retimedFrom = await retime(ctx, hub, route, left)
  try {
    await recordChanges(ctx, async (tx, changes) => {
      await lockUnchanged(tx, [route])
      await tx.query(
        `insert into routes (id, plan_id, hub_id, local_date, shift_id, driver_id, vehicle_id, status,
           distance_meters, duration_seconds, starts_at, ends_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'planned', 0, 0, $8, $8)`,
        [to.id, to.planId, to.hubId, to.date, to.shiftId, to.driverId, to.vehicleId, to.startsAt],
      )
      await writeOrder(ctx, tx, changes, { route, retimed: retimedFrom, pinOf: ({ pin }) => pin })
      await writeOrder(ctx, tx, changes, { route: to, retimed: retimedTo, pinOf: () => 'route' })
    })
  } catch (err) {
    if (!violates(err, 'routes_one_planned_per_shift')) throw err
    throw conflict('shift_has_route', `The shift ${shiftId} has a planned route; move the stops there`, {
      cause: err,
    })
  }
  return to.id
}

/** Puts all stops of a route behind those of another one and pins them there; the emptied route is gone. */
export async function mergeRoute(
  ctx: Context,
  routeId: string,
  { intoRouteId, version, fromVersion, force }: Manner & { intoRouteId: string },
): Promise<Route['id']> {
  if (routeId === intoRouteId) throw unprocessable('same_route', 'A route cannot be merged into itself')
  const { route: to, hub } = await findChangeableRoute(ctx.db, intoRouteId, version)
  const { route: from } = await findChangeableRoute(ctx.db, routeId, fromVersion)
  refuseOtherDay(from, to)
  const stops = [...to.stops, ...from.stops].toSorted(byWindow)
  const retimed = await retimeChecked(ctx, hub, to, { stops, force })
  const emptied = await retime(ctx, hub, from, [])
  const moved = new Set(from.stops.map(({ id }) => id))
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [from, to])
    await writeOrder(ctx, tx, changes, { route: from, retimed: emptied, pinOf: ({ pin }) => pin })
    const pinOf = ({ id, pin }: Stop) => (moved.has(id) ? 'route' : pin)
    await writeOrder(ctx, tx, changes, { route: to, retimed, pinOf })
  })
  return to.id
}

/** What a person put into a place at the head stays there; the rest goes by window and by when it was to be reached. */
function byWindow(a: Stop, b: Stop): number {
  if (a.pin === 'place' || b.pin === 'place') return Number(b.pin === 'place') - Number(a.pin === 'place')
  return (
    a.windowEnd.getTime() - b.windowEnd.getTime() || a.plannedArrival.getTime() - b.plannedArrival.getTime()
  )
}

function stopsOf(route: Route, stopIds: readonly string[]): Stop[] {
  const byId = new Map(route.stops.map((stop) => [stop.id, stop]))
  const unknown = stopIds.filter((id) => !byId.has(id))
  if (unknown.length > 0 || new Set(stopIds).size !== stopIds.length) {
    throw unprocessable('stop_set_mismatch', 'Name stops of the route, each once', {
      extra: { unknownStopIds: unknown, missingStopIds: [] },
    })
  }
  return stopIds.map((id) => byId.get(id)).filter((stop) => stop !== undefined)
}

/** A route of the shift's driver and van that is not written yet. */
async function freshRoute(ctx: Context, like: Route, shiftId: string): Promise<Route> {
  const [shift] = await ctx.db.query<{
    driver_id: string
    vehicle_id: string
    starts_at: Date
  }>(
    `select s.driver_id, s.vehicle_id, lower(s.during) as starts_at
     from shifts s join hubs h on h.id = s.hub_id
     where s.id = $1 and s.hub_id = $2 and (lower(s.during) at time zone h.time_zone)::date = $3::date
       and (s.out_of_service_at is null or s.out_of_service_at > $4)`,
    [shiftId, like.hubId, like.date, ctx.now()],
  )
  if (shift === undefined) {
    throw unprocessable('shift_unknown', `The hub has no shift ${shiftId} in service on ${like.date}`)
  }
  return {
    ...like,
    id: newId(),
    shiftId,
    driverId: shift.driver_id,
    vehicleId: shift.vehicle_id,
    driverPinned: false,
    version: 1,
    startsAt: new Date(Math.max(shift.starts_at.getTime(), like.startsAt.getTime())),
    breaks: [],
    stops: [],
  }
}
