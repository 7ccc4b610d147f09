import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import type { Route as PlannedRoute, Stop } from '../../../services/delivery-routing/src/dispatch/route.ts'
import type { Day } from '../../../services/delivery-routing/src/planning/day.ts'
import type { NewPlan } from '../../../services/delivery-routing/src/planning/from-solution.ts'
import { fromSolution } from '../../../services/delivery-routing/src/planning/from-solution.ts'
import { plannableOf } from '../../../services/delivery-routing/src/planning/plannable.ts'
import { timeInOrder } from '../../../services/delivery-routing/src/planning/time-in-order.ts'
import { pointsOf, toProblem } from '../../../services/delivery-routing/src/planning/to-problem.ts'
import { createGreatCircleTimes } from '../../../services/delivery-routing/src/travel/travel-times.ts'
import { createRandom } from './random.ts'

const MIDNIGHT = Date.parse('2026-06-10T04:00:00Z')
const WINDOW_HOURS = [8, 10, 12, 14, 16, 18]
const hub = {
  id: 'hub',
  name: 'Inman Park',
  latitude: 33.7573,
  longitude: -84.3521,
  serviceRadiusMeters: 8_000,
  timeZone: 'America/New_York',
  windowCapacity: 1_000,
  baseFeeCents: 599,
  cutOffMinutes: null,
  windowCutOffs: [],
  loadingVansPerSlot: null,
  loadingSlotMinutes: 15,
  capacityCheck: 'plan' as const,
}
const LATE_ID = 'late'
export const now = at(6)

function at(hour: number): Date {
  return new Date(MIDNIGHT + hour * 3_600_000)
}

type DayOptions = {
  seed: number
  stops: number
  vans: number
  /** Half an hour for each driver around noon. */
  breaks?: boolean
}

/** A made-up day around the hub, the same for a seed; the last delivery is the late one. */
export function makeDay({ seed, stops, vans, breaks = false }: DayOptions): Day {
  const random = createRandom(seed * 7_919)
  const deliveries = Array.from({ length: stops + 1 }, (_, index) => {
    const reach = 0.06 * Math.sqrt(random())
    const angle = 2 * Math.PI * random()
    const hour = WINDOW_HOURS[Math.floor(random() * WINDOW_HOURS.length)] ?? 8
    return {
      orderId: index === stops ? LATE_ID : `order ${index}`,
      weightGrams: 2_000 + Math.floor(random() * 12_000),
      volumeMilliliters: 8_000 + Math.floor(random() * 30_000),
      parcels: 1 + Math.floor(random() * 3),
      transport: {},
      address: {
        recipient: 'C',
        line1: '1',
        city: 'Atlanta',
        region: 'GA',
        postalCode: '30307',
        latitude: hub.latitude + reach * Math.sin(angle),
        longitude: hub.longitude + (reach * Math.cos(angle)) / 0.83,
      },
      windowStart: at(hour),
      windowEnd: at(hour + 2),
      readyAt: null,
      heldBackReason: null,
    }
  })
  const shifts = Array.from({ length: vans }, (_, index) => ({
    id: `shift ${index}`,
    driverId: `driver ${index}`,
    vehicleId: `van ${index}`,
    start: at(7),
    end: at(21),
    capacity: { weightGrams: 600_000, volumeMilliliters: 4_000_000 },
    skills: [],
    breaks: breaks ? [{ earliest: at(11), latest: at(14), durationSeconds: 1_800 }] : [],
  }))
  return { hub, date: '2026-06-10', startsAt: at(0), shifts, deliveries, routes: [] }
}

/** The day before the late order. */
export function withoutLate(day: Day): Day {
  return { ...day, deliveries: day.deliveries.filter(({ orderId }) => orderId !== LATE_ID) }
}

export async function problemOf(day: Day): Promise<Problem> {
  const plannable = plannableOf(day, now)
  const period = { from: at(7), to: at(21), timeZone: hub.timeZone }
  const matrix = await createGreatCircleTimes().matrix(pointsOf(day, plannable), period)
  return toProblem({ ...day, routes: [] }, plannable, matrix)
}

/** The day with these routes in force. */
export function inForce(day: Day, problem: Problem, solution: Solution): Day {
  const plan = fromSolution(day, plannableOf(day, now), problem, solution)
  const deliveryOf = new Map(day.deliveries.map((delivery) => [delivery.orderId, delivery]))
  const routes = plan.routes.map((route): PlannedRoute => {
    const stops = route.stops.map((stop, index): Stop => {
      const delivery = deliveryOf.get(stop.orderId)
      if (delivery === undefined) throw new Error(`The plan has the unknown order ${stop.orderId}`)
      return {
        ...delivery,
        ...stop,
        id: stop.orderId,
        routeId: route.shiftId,
        position: index + 1,
        status: 'pending',
        pin: null,
        eta: stop.plannedArrival,
        arrivedAt: null,
        completedAt: null,
        number: stop.orderId,
      }
    })
    return {
      ...route,
      id: route.shiftId,
      planId: 'plan',
      hubId: hub.id,
      date: day.date,
      status: 'planned',
      version: 1,
      driverPinned: false,
      startedAt: null,
      completedAt: null,
      brokenDownAt: null,
      resumesAt: null,
      stops,
    }
  })
  return { ...day, routes }
}

/** Which van serves each stop, and after which others. */
export function ordersByShift(day: Day, plan: NewPlan, shiftIds: ReadonlySet<string> | null) {
  const kept = day.routes.filter(({ shiftId }) => shiftIds !== null && !shiftIds.has(shiftId))
  return new Map(
    [...kept, ...plan.routes].map(({ shiftId, stops }) => [shiftId, stops.map(({ orderId }) => orderId)]),
  )
}

/** The money that these routes cost, each timed by itself. */
export function costOf(problem: Problem, orders: ReadonlyMap<string, string[]>): number {
  return [...orders].reduce((sum, [shiftId, ids]) => {
    const vehicle = problem.vehicles.find(({ id }) => id === shiftId)
    if (vehicle === undefined) throw new Error(`There is no vehicle ${shiftId}`)
    return sum + (timeInOrder(problem, vehicle, ids)?.cost ?? 0)
  }, 0)
}
