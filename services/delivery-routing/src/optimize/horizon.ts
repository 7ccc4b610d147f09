import { MAX_TIME_SPAN_SECONDS } from '@urbanbloom/vrp/problem'
import { InvalidRequestError } from './faults.ts'
import { type PreparedRequest, serviceOf, setupOf, type Vehicle, type Window } from './request.ts'

/** Windows wider than this say "at any time" and tell nothing about when the day is. */
const WIDE = MAX_TIME_SPAN_SECONDS / 2

/**
 * By vehicle: when it may be on its way. The optimizer's time axis is bounded and VROOM's vehicles without a window
 * are not, so such vehicles get the days around all other windows: long enough to do everything one after the other.
 */
export function shiftsOf(request: PreparedRequest): Window[] {
  const { tasks, vehicles } = request
  const given = [
    ...tasks.flatMap(({ windows }) => windows ?? []),
    ...vehicles.flatMap(({ breaks }) => breaks.flatMap(({ windows }) => windows ?? [])),
    ...vehicles.flatMap(({ window }) => (window === null ? [] : [window])),
  ].filter(([start, end]) => end - start <= WIDE)
  const slack = Math.min(WIDE / 4, timeForEverything(request))
  const first = given.reduce((least, [start]) => Math.min(least, start), Number.POSITIVE_INFINITY)
  const last = given.reduce((most, [, end]) => Math.max(most, end), 0)
  const from = given.length === 0 ? 0 : Math.max(0, first - slack)
  const shifts = vehicles.map(({ window }): Window => {
    const [start, end] = window ?? [0, Number.POSITIVE_INFINITY]
    const begin = Math.max(start, from)
    return [begin, Math.min(end, Math.max(last, begin) + slack)]
  })
  const earliest = shifts.reduce((least, [start]) => Math.min(least, start), Number.POSITIVE_INFINITY)
  const late = shifts.findIndex(([, end]) => end - earliest > MAX_TIME_SPAN_SECONDS)
  if (late >= 0) {
    const message = `lies more than ${MAX_TIME_SPAN_SECONDS} s after the start of another vehicle`
    throw new InvalidRequestError([{ path: `${vehicles[late]!.path}.time_window`, message }])
  }
  return shifts
}

/** A bound of how long it takes to do everything, one thing after the other. */
function timeForEverything(request: PreparedRequest): number {
  const { tasks, vehicles, matrices } = request
  let longest = 0
  for (const { durations } of matrices.values())
    for (let cell = 0; cell < durations.length; cell += 1) longest = Math.max(longest, durations[cell]!)
  const slowest = vehicles.reduce((least, { speedFactor }) => Math.min(least, speedFactor), 1)
  const byType = new Map(vehicles.map((vehicle): [string | undefined, Vehicle] => [vehicle.type, vehicle]))
  const actions = tasks.reduce((total, task) => {
    const each = [...byType.values()].map((vehicle) => setupOf(task, vehicle) + serviceOf(task, vehicle))
    return total + Math.max(...each)
  }, 0)
  const breaks = vehicles
    .flatMap((vehicle) => vehicle.breaks)
    .reduce((total, { service }) => total + service, 0)
  return Math.ceil(actions + breaks + ((tasks.length + 1) * longest) / slowest)
}
