import type { DeliveryToPlan } from '../deliveries/delivery.ts'
import type { Route } from '../dispatch/route.ts'
import type { Day, ShiftToPlan } from './day.ts'
import { staggerStarts } from './loading-slots.ts'

export type Unassigned = { orderId: string; reason: string }

/** What can still be planned of a day at a moment, and what cannot, with the reason. */
export type Plannable = {
  now: Date
  /** With `start` moved to when the vehicle can leave the hub. */
  shifts: ShiftToPlan[]
  deliveries: DeliveryToPlan[]
  leftOut: Unassigned[]
}

/** A vehicle that has less left of its shift than this stays at the hub. */
const SHORTEST_USE_MS = 10 * 60_000
/** Between two routes the van is loaded again. */
export const RELOAD_MS = 15 * 60_000

/**
 * Takes away what has passed, the part of shifts before now and windows that have ended, and what a dispatcher holds
 * back. Where the hub can load only so many vans at once, each gets a first slot of its own.
 */
export function plannableOf(day: Day, now: Date): Plannable {
  const free = day.shifts
    .map((shift) => ({ ...shift, start: latest([shift.start, now, ...returnsOf(day.routes, shift)]) }))
    .filter(isLongEnough)
  const underWay = day.routes.filter(({ status }) => status !== 'planned').map(({ startsAt }) => startsAt)
  const shifts = staggerStarts(free, day.hub, underWay).filter(isLongEnough)
  const locked = new Set(lockedOrders(day.routes, shifts).flatMap(({ orderIds }) => orderIds))
  const leftOut = new Map<string, string>()
  for (const { orderId, heldBackReason, windowEnd } of day.deliveries) {
    if (heldBackReason !== null) leftOut.set(orderId, `Held back: ${heldBackReason}`)
    else if (windowEnd <= now && !locked.has(orderId)) leftOut.set(orderId, 'The delivery window has passed')
  }
  return {
    now,
    shifts,
    deliveries: day.deliveries.filter(({ orderId }) => !leftOut.has(orderId)),
    leftOut: [...leftOut].map(([orderId, reason]) => ({ orderId, reason })),
  }
}

function isLongEnough({ start, end }: ShiftToPlan): boolean {
  return end.getTime() - start.getTime() >= SHORTEST_USE_MS
}

/** What stays first on each route, in this order: the stops at its head that a person put into their places. */
export function lockedOrders(routes: readonly Route[], shifts: readonly ShiftToPlan[]) {
  return plannedRoutes(routes, shifts).map(({ shiftId, stops }) => {
    const end = stops.findIndex(({ pin }) => pin !== 'place')
    const head = end === -1 ? stops : stops.slice(0, end)
    return { shiftId, orderIds: head.map(({ orderId }) => orderId) }
  })
}

/** Which shift serves what a person pinned. A pin on a shift that is over no longer binds. */
export function pinnedShifts(routes: readonly Route[], shifts: readonly ShiftToPlan[]): Map<string, string> {
  const pinned = plannedRoutes(routes, shifts).flatMap(({ shiftId, stops }) =>
    stops.filter(({ pin }) => pin !== null).map(({ orderId }) => [orderId, shiftId] as const),
  )
  return new Map(pinned)
}

/** Where drivers and customers were told that each open stop is; places count from 0. */
export function announcedPlaces(routes: readonly Route[], shifts: readonly ShiftToPlan[]) {
  const places = plannedRoutes(routes, shifts).flatMap(({ shiftId, stops }) =>
    stops.map(({ orderId }, position) => [orderId, { vehicleId: shiftId, position }] as const),
  )
  return new Map(places)
}

function plannedRoutes(routes: readonly Route[], shifts: readonly ShiftToPlan[]): Route[] {
  const usable = new Set(shifts.map(({ id }) => id))
  return routes.filter(({ status, shiftId }) => status === 'planned' && usable.has(shiftId))
}

/** When the vehicle of a shift is back from the routes that it has started; they are done as they stand. */
function returnsOf(routes: readonly Route[], shift: ShiftToPlan): Date[] {
  return routes
    .filter(({ shiftId, status }) => shiftId === shift.id && (status === 'started' || status === 'completed'))
    .map((route) => new Date(returnOf(route).getTime() + RELOAD_MS))
}

/** When a started route ends, as far as is known now: a driver who is behind comes back later than planned. */
export function returnOf({ endsAt, completedAt, stops }: Route): Date {
  return completedAt ?? latest([endsAt, ...stops.map(({ eta }) => eta)])
}

function latest(moments: readonly Date[]): Date {
  return new Date(Math.max(...moments.map((moment) => moment.getTime())))
}
