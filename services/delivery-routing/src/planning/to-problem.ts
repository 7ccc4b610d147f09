import type { Problem, Stop, Vehicle } from '@urbanbloom/vrp/problem'
import type { DeliveryToPlan } from '../deliveries/delivery.ts'
import { type Route, serviceSecondsFor } from '../dispatch/route.ts'
import type { Point } from '../geo.ts'
import type { TravelMatrix } from '../travel/travel-times.ts'
import type { Day, ShiftToPlan } from './day.ts'

export type Unassigned = { orderId: string; reason: string }

/** What can still be planned of a day at a moment, and what cannot, with the reason. */
export type Plannable = {
  now: Date
  /** With `start` moved to when the vehicle can leave the hub. */
  shifts: ShiftToPlan[]
  deliveries: DeliveryToPlan[]
  tooLate: Unassigned[]
}

/** Costs in cents: a van's hour with its driver, and its kilometers. */
const COSTS = { fixed: 1_000, perMeter: 0.05, perSecond: 0.9 } as const
/** A vehicle that has less left of its shift than this stays at the hub. */
const SHORTEST_USE_MS = 10 * 60_000
/** Between two routes the van is loaded again. */
const RELOAD_MS = 15 * 60_000

/** Takes away what has passed: the part of shifts before now and windows that have ended. */
export function plannableOf(day: Day, now: Date): Plannable {
  const shifts = day.shifts
    .map((shift) => ({ ...shift, start: latest([shift.start, now, ...returnsOf(day.routes, shift)]) }))
    .filter(({ start, end }) => end.getTime() - start.getTime() >= SHORTEST_USE_MS)
  const locked = new Set(lockedOrders(day.routes, shifts).flatMap(({ orderIds }) => orderIds))
  const isTooLate = (delivery: DeliveryToPlan) => delivery.windowEnd <= now && !locked.has(delivery.orderId)
  return {
    now,
    shifts,
    deliveries: day.deliveries.filter((delivery) => !isTooLate(delivery)),
    tooLate: day.deliveries
      .filter(isTooLate)
      .map(({ orderId }) => ({ orderId, reason: 'The delivery window has passed' })),
  }
}

/** Location 0 is the hub; the deliveries follow in their order. */
export function pointsOf(day: Day, { deliveries }: Plannable): Point[] {
  return [day.hub, ...deliveries.map(({ address }) => address)]
}

/** The day in the optimizer's terms: vehicles carry the ids of shifts, stops those of orders, time 0 is midnight. */
export function toProblem(day: Day, plannable: Plannable, matrix: TravelMatrix): Problem {
  const secondsOf = (moment: Date) => Math.ceil((moment.getTime() - day.startsAt.getTime()) / 1000)
  const planned = new Set(plannable.deliveries.map(({ orderId }) => orderId))
  const locks = lockedOrders(day.routes, plannable.shifts)
  const shiftOfPinned = pinnedShifts(day.routes, plannable.shifts)

  const vehicles = plannable.shifts.map((shift): Vehicle => {
    const lockedStops = locks.find(({ shiftId }) => shiftId === shift.id)?.orderIds ?? []
    return {
      id: shift.id,
      startLocation: 0,
      endLocation: 0,
      capacity: [shift.capacity.weightGrams, shift.capacity.volumeMilliliters],
      shift: [secondsOf(shift.start), Math.floor((shift.end.getTime() - day.startsAt.getTime()) / 1000)],
      skills: shift.skills,
      costs: COSTS,
      lockedStops: lockedStops.filter((orderId) => planned.has(orderId)),
    }
  })
  const stops = plannable.deliveries.map((delivery, index): Stop => {
    const shiftId = shiftOfPinned.get(delivery.orderId)
    return {
      id: delivery.orderId,
      location: index + 1,
      serviceSeconds: serviceSecondsFor(delivery),
      demand: [delivery.weightGrams, delivery.volumeMilliliters],
      timeWindows: [[secondsOf(delivery.windowStart), secondsOf(delivery.windowEnd)]],
      ...(shiftId === undefined ? {} : { vehicleIds: [shiftId] }),
    }
  })
  return {
    locationCount: matrix.count,
    durationsSeconds: matrix.durationsSeconds,
    distancesMeters: matrix.distancesMeters,
    stops,
    vehicles,
  }
}

/** What stays first on each route, in this order: the stops at its head that a person put into their places. */
function lockedOrders(routes: readonly Route[], shifts: readonly ShiftToPlan[]) {
  const usable = new Set(shifts.map(({ id }) => id))
  return routes
    .filter(({ status, shiftId }) => status === 'planned' && usable.has(shiftId))
    .map(({ shiftId, stops }) => {
      const end = stops.findIndex(({ pin }) => pin !== 'place')
      const head = end === -1 ? stops : stops.slice(0, end)
      return { shiftId, orderIds: head.map(({ orderId }) => orderId) }
    })
}

/** Which shift serves what a person pinned. A pin on a shift that is over no longer binds. */
function pinnedShifts(routes: readonly Route[], shifts: readonly ShiftToPlan[]): Map<string, string> {
  const usable = new Set(shifts.map(({ id }) => id))
  const pinned = routes
    .filter(({ status, shiftId }) => status === 'planned' && usable.has(shiftId))
    .flatMap(({ shiftId, stops }) =>
      stops.filter(({ pin }) => pin !== null).map(({ orderId }) => [orderId, shiftId] as const),
    )
  return new Map(pinned)
}

/** When the vehicle of a shift is back from the routes that it has started; they are done as they stand. */
function returnsOf(routes: readonly Route[], shift: ShiftToPlan): Date[] {
  return routes
    .filter(({ shiftId, status }) => shiftId === shift.id && (status === 'started' || status === 'completed'))
    .map(({ endsAt, completedAt, stops }) => {
      const lastEta = completedAt ?? latest([endsAt, ...stops.map(({ eta }) => eta)])
      return new Date(lastEta.getTime() + RELOAD_MS)
    })
}

function latest(moments: readonly Date[]): Date {
  return new Date(Math.max(...moments.map((moment) => moment.getTime())))
}
