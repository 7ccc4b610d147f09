import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Vehicle } from '@urbanbloom/vrp/problem'
import * as z from 'zod'
import type { Day } from '../planning/day.ts'
import type { NewRoute } from '../planning/from-solution.ts'
import { CLIMATE_CONTROLLED } from '../planning/van-time.ts'
import type { Stop } from './route.ts'

export const Violation = z.object({
  code: z.enum([
    'window_missed',
    'over_capacity',
    'skills_missing',
    'too_long_in_van',
    'shift_exceeded',
    'loading_slot_full',
  ]),
  stopId: z.uuid().nullable().describe('Null for what concerns the whole route'),
  orderNumber: z.string().nullable(),
  detail: z.string(),
  amount: z.int().describe('By how much: seconds, or grams, or millilitres; 1 for skills and loading slots'),
})

export type Violation = z.infer<typeof Violation>

/** What makes a route impossible as it is timed, with the stop and the figures. */
export function findViolations(
  day: Day,
  vehicle: Vehicle,
  stops: readonly Stop[],
  route: Pick<NewRoute, 'startsAt' | 'endsAt' | 'stops'>,
): Violation[] {
  const skills = new Set(vehicle.skills ?? [])
  const found = stops.flatMap((stop, index): Violation[] => {
    const arrival = route.stops[index]?.plannedArrival ?? route.startsAt
    const about = { stopId: stop.id, orderNumber: stop.number }
    const late = seconds(stop.windowEnd, arrival)
    const limit = skills.has(CLIMATE_CONTROLLED) ? undefined : stop.transport.maxVanMinutes
    const tooLong = limit === undefined ? 0 : seconds(route.startsAt, arrival) - limit * 60
    const isUpright = stop.transport.upright === true && !skills.has('upright')
    return [
      ...(late > 0
        ? [
            {
              ...about,
              code: 'window_missed' as const,
              detail: `The stop would be reached ${minutes(late)} after its window`,
              amount: late,
            },
          ]
        : []),
      ...(tooLong > 0
        ? [
            {
              ...about,
              code: 'too_long_in_van' as const,
              detail: `Its plants would be in the van for ${minutes(tooLong)} longer than they take`,
              amount: tooLong,
            },
          ]
        : []),
      ...(isUpright
        ? [
            {
              ...about,
              code: 'skills_missing' as const,
              detail: 'The van cannot carry upright plants',
              amount: 1,
            },
          ]
        : []),
    ]
  })
  return [...found, ...ofTheRoute(day, vehicle, stops, route)]
}

function ofTheRoute(
  day: Day,
  vehicle: Vehicle,
  stops: readonly Stop[],
  { endsAt }: Pick<NewRoute, 'endsAt'>,
): Violation[] {
  const about = { stopId: null, orderNumber: null }
  const [weight = 0, volume = 0] = vehicle.capacity
  const grams = stops.reduce((sum, { weightGrams }) => sum + weightGrams, 0)
  const milliliters = stops.reduce((sum, { volumeMilliliters }) => sum + volumeMilliliters, 0)
  const over = Math.max(grams - weight, milliliters - volume)
  const overtime = seconds(day.shifts[0]?.end ?? endsAt, endsAt)
  return [
    ...(over > 0
      ? [
          {
            ...about,
            code: 'over_capacity' as const,
            detail: `The vehicle would carry ${grams} g and ${milliliters} ml; it takes ${weight} g and ${volume} ml`,
            amount: over,
          },
        ]
      : []),
    ...(overtime > 0
      ? [
          {
            ...about,
            code: 'shift_exceeded' as const,
            detail: `The route would end ${minutes(overtime)} after the shift`,
            amount: overtime,
          },
        ]
      : []),
  ]
}

/** The hub has no room to load the van up to when it must leave. */
export function noLoadingSlot(startsAt: Date): Violation {
  return {
    stopId: null,
    orderNumber: null,
    code: 'loading_slot_full',
    detail: `The hub cannot load another van before the route must leave, at ${startsAt.toISOString()}`,
    amount: 1,
  }
}

/** Less than this, and nobody would notice. */
const TOLERANCE = 60

/**
 * Refuses what becomes impossible, or more impossible than it is already, by a change of a person's.
 * @throws 409 `vehicle_over_capacity`, 422 `route_infeasible` with the stops and the reasons.
 */
export function refuseWorse(before: readonly Violation[], after: readonly Violation[]): void {
  const key = ({ code, stopId }: Violation) => `${code} ${stopId}`
  const known = new Map(before.map((violation) => [key(violation), violation.amount]))
  const worse = after.filter(
    (violation) => violation.amount > (known.get(key(violation)) ?? 0) + tolerance(violation),
  )
  const [first] = worse
  if (first === undefined) return
  const extra = { violations: worse }
  const overloaded = worse.find(({ code }) => code === 'over_capacity')
  if (overloaded !== undefined) throw conflict('vehicle_over_capacity', overloaded.detail, { extra })
  const which = first.orderNumber === null ? '' : ` (order ${first.orderNumber})`
  throw unprocessable('route_infeasible', `${first.detail}${which}. Send force: true to do it all the same`, {
    extra,
  })
}

function tolerance({ code }: Violation): number {
  return code === 'window_missed' || code === 'too_long_in_van' || code === 'shift_exceeded' ? TOLERANCE : 0
}

function seconds(from: Date, to: Date): number {
  return Math.ceil((to.getTime() - from.getTime()) / 1000)
}

function minutes(value: number): string {
  const whole = Math.max(1, Math.round(value / 60))
  return whole === 1 ? '1 minute' : `${whole} minutes`
}
