import type { DeliveryToPlan } from '../deliveries/delivery.ts'
import type { Route } from '../dispatch/route.ts'
import { distanceMeters } from '../geo.ts'
import type { Day } from './day.ts'
import type { Plannable } from './plannable.ts'

/** The part of a day that is planned anew; the routes of all other shifts stay as they are. */
export type Part = {
  day: Day
  plannable: Plannable
  shiftIds: ReadonlySet<string> | null
  /** When vans leave the hub whose routes are not planned anew: they take up its loading slots. */
  leaving: readonly Date[]
}

/** How many routes and idle vans are asked for one delivery that needs a place. */
const NEAR_ROUTES = 4
const IDLE_VANS = 2
/** A meter's worth of seconds in town, to weigh how far away against how long before or after. */
const METERS_PER_SECOND = 7
/** A departure that must be later than planned by more than this is planned anew. */
const LATE_START_MS = 60_000

/** The whole day. */
export function wholeDay(day: Day, plannable: Plannable): Part {
  const leaving = day.routes.filter(({ status }) => status !== 'planned').map(({ startsAt }) => startsAt)
  return { day, plannable, shiftIds: null, leaving }
}

/**
 * What a repair looks at: deliveries without a place, routes that cannot leave as planned because their driver is
 * behind or out of service, and for each delivery without a place the routes nearest to it in place and time. Null
 * when there is nothing to repair.
 */
export function repairPart(day: Day, plannable: Plannable): Part | null {
  const shifts = new Map(plannable.shifts.map((shift) => [shift.id, shift]))
  const planned = day.routes.filter(({ status }) => status === 'planned')
  const usable = planned.filter(({ shiftId }) => shifts.has(shiftId))
  const placed = new Set(usable.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)))
  const homeless = plannable.deliveries.filter(({ orderId }) => !placed.has(orderId))
  const late = usable.filter(({ shiftId, startsAt }) => {
    return (shifts.get(shiftId)?.start.getTime() ?? 0) > startsAt.getTime() + LATE_START_MS
  })
  if (homeless.length === 0 && late.length === 0 && usable.length === planned.length) return null

  const used = new Set(usable.map(({ shiftId }) => shiftId))
  const idle = plannable.shifts.filter(({ id }) => !used.has(id)).slice(0, IDLE_VANS)
  const lateOrders = new Set(late.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)))
  const seeking = plannable.deliveries.filter(
    ({ orderId }) => !placed.has(orderId) || lateOrders.has(orderId),
  )
  const shiftIds = new Set([
    ...idle.map(({ id }) => id),
    ...late.map(({ shiftId }) => shiftId),
    // A van that is gone is in the part, so that its route ends with this plan.
    ...planned.filter(({ shiftId }) => !shifts.has(shiftId)).map(({ shiftId }) => shiftId),
    ...seeking.flatMap((delivery) => nearestRoutes(delivery, usable)),
  ])
  return restrict(day, plannable, shiftIds)
}

function nearestRoutes(delivery: DeliveryToPlan, routes: readonly Route[]): string[] {
  return routes
    .map(({ shiftId, stops }) => ({ shiftId, away: Math.min(...stops.map((stop) => away(delivery, stop))) }))
    .toSorted((a, b) => a.away - b.away)
    .slice(0, NEAR_ROUTES)
    .map(({ shiftId }) => shiftId)
}

/** In seconds: the way, and the time between the two windows. */
function away(delivery: DeliveryToPlan, stop: Route['stops'][number]): number {
  const meters = distanceMeters(delivery.address, stop.address)
  const planned = stop.plannedArrival.getTime()
  const beforeMs = delivery.windowStart.getTime() - planned
  const afterMs = planned - delivery.windowEnd.getTime()
  return meters / METERS_PER_SECOND + Math.max(0, beforeMs, afterMs) / 1000
}

function restrict(day: Day, plannable: Plannable, shiftIds: ReadonlySet<string>): Part {
  const elsewhere = new Set(
    day.routes
      .filter(({ status, shiftId }) => status === 'planned' && !shiftIds.has(shiftId))
      .flatMap(({ stops }) => stops.map(({ orderId }) => orderId)),
  )
  return {
    day: {
      ...day,
      routes: day.routes.filter(({ status, shiftId }) => status !== 'planned' || shiftIds.has(shiftId)),
    },
    plannable: {
      ...plannable,
      shifts: plannable.shifts.filter(({ id }) => shiftIds.has(id)),
      deliveries: plannable.deliveries.filter(({ orderId }) => !elsewhere.has(orderId)),
    },
    shiftIds,
    leaving: day.routes
      .filter(({ status, shiftId }) => status !== 'planned' || !shiftIds.has(shiftId))
      .map(({ startsAt }) => startsAt),
  }
}
