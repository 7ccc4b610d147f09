import type { Break, Problem, Stop, Vehicle } from '@urbanbloom/vrp/problem'
import type { DeliveryToPlan } from '../deliveries/delivery.ts'
import { skillsFor } from '../dispatch/route.ts'
import { plannedServiceSeconds } from '../eta/service-times.ts'
import type { Point } from '../geo.ts'
import type { TravelMatrix } from '../travel/travel-times.ts'
import type { Day, ShiftToPlan } from './day.ts'
import { announcedPlaces, lockedOrders, type Plannable, pinnedShifts } from './plannable.ts'

/** Costs in cents: a van's hour with its driver, and its kilometers. */
const COSTS = { fixed: 1_000, perMeter: 0.05, perSecond: 0.9 } as const

/** What it must save, in cents, to tell a driver and a customer something else than before. */
export const CHANGE_PRICES = { otherVehicle: 200, otherPosition: 10, tolerance: 2 } as const
/** Of a repair: another van only where the late order cannot be served otherwise. */
export const REPAIR_CHANGE_PRICES = { otherVehicle: 2_000, otherPosition: 50, tolerance: 2 } as const

export type ChangePrices = { otherVehicle: number; otherPosition: number; tolerance: number }

/** Location 0 is the hub; the deliveries follow in their order. */
export function pointsOf(day: Day, { deliveries }: Plannable): Point[] {
  return [day.hub, ...deliveries.map(({ address }) => address)]
}

/**
 * The day in the optimizer's terms: vehicles carry the ids of shifts, stops those of orders, time 0 is midnight. With
 * `changePrices` it costs to serve a stop elsewhere than the routes of the day say.
 */
export function toProblem(
  day: Day,
  plannable: Plannable,
  matrix: TravelMatrix,
  changePrices: ChangePrices | null = null,
): Problem {
  const { shifts, deliveries } = plannable
  const planned = new Set(deliveries.map(({ orderId }) => orderId))
  const locks = new Map(lockedOrders(day.routes, shifts).map(({ shiftId, orderIds }) => [shiftId, orderIds]))
  const shiftOfPinned = pinnedShifts(day.routes, shifts)
  const announced = changePrices === null ? new Map() : announcedPlaces(day.routes, shifts)

  const history = day.serviceHistory ?? new Map()

  const vehicles = shifts.map((shift): Vehicle => {
    const lockedStops = (locks.get(shift.id) ?? []).filter((orderId) => planned.has(orderId))
    return toVehicle(day, shift, lockedStops)
  })
  const stops = deliveries.map((delivery, index): Stop => {
    const { orderId, windowStart, windowEnd, weightGrams, volumeMilliliters, transport } = delivery
    const vehicleIds = vehiclesFor(delivery, shifts, shiftOfPinned.get(orderId))
    const place = announced.get(orderId)
    return {
      id: orderId,
      location: index + 1,
      serviceSeconds: plannedServiceSeconds(delivery, history),
      demand: [weightGrams, volumeMilliliters],
      timeWindows: [[secondsOf(day, windowStart), secondsOf(day, windowEnd)]],
      skills: skillsFor(transport),
      ...(vehicleIds === null ? {} : { vehicleIds }),
      ...(place === undefined ? {} : { announced: place }),
    }
  })
  return {
    locationCount: matrix.count,
    durationsSeconds: matrix.durationsSeconds,
    distancesMeters: matrix.distancesMeters,
    stops,
    vehicles,
    ...(changePrices === null ? {} : { changePrices }),
  }
}

/** A shift as the optimizer knows it. */
export function toVehicle(day: Day, shift: ShiftToPlan, lockedStops: readonly string[]): Vehicle {
  return {
    id: shift.id,
    startLocation: 0,
    endLocation: 0,
    capacity: [shift.capacity.weightGrams, shift.capacity.volumeMilliliters],
    shift: spanOf(day, shift),
    skills: shift.skills,
    breaks: breaksOf(day, shift),
    costs: COSTS,
    lockedStops,
  }
}

function secondsOf(day: Day, moment: Date): number {
  return Math.ceil((moment.getTime() - day.startsAt.getTime()) / 1000)
}

/** The breaks that are still to come; those that no longer fit into what is left of the shift are not planned. */
function breaksOf(day: Day, shift: ShiftToPlan): Break[] {
  const [start, end] = spanOf(day, shift)
  return shift.breaks
    .toSorted((a, b) => a.earliest.getTime() - b.earliest.getTime())
    .map(({ earliest, latest, durationSeconds }, index) => ({
      id: String(index + 1),
      timeWindows: [[secondsOf(day, earliest), secondsOf(day, latest)]] as const,
      serviceSeconds: durationSeconds,
    }))
    .filter(({ timeWindows: [[open, close]], serviceSeconds }) => {
      return Math.max(open, start) <= Math.min(close, end - serviceSeconds)
    })
}

function spanOf(day: Day, { start, end }: ShiftToPlan): [start: number, end: number] {
  return [secondsOf(day, start), Math.floor((end.getTime() - day.startsAt.getTime()) / 1000)]
}

/**
 * The only shifts that may serve a delivery; null: all. What a person pinned stays with its shift. Parcels that are
 * still out can only leave with a van that starts after they are back.
 */
function vehiclesFor(
  { readyAt }: DeliveryToPlan,
  shifts: readonly ShiftToPlan[],
  pinnedTo: string | undefined,
): string[] | null {
  if (readyAt === null || shifts.every(({ start }) => start >= readyAt)) {
    return pinnedTo === undefined ? null : [pinnedTo]
  }
  return shifts
    .filter(({ id, start }) => start >= readyAt && (pinnedTo === undefined || id === pinnedTo))
    .map(({ id }) => id)
}
