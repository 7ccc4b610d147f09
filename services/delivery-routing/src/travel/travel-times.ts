import { setImmediate as nextTurn } from 'node:timers/promises'
import { distanceMeters, type Point } from '../geo.ts'

/** Row-major: the leg from `a` to `b` is at `a * count + b`. `source` names where the figures come from. */
export type TravelMatrix = {
  source: string
  count: number
  durationsSeconds: Int32Array
  distancesMeters: Int32Array
}

/** When the legs are driven: what matters is the hour of the day in the hub's time zone. */
export type TravelPeriod = { from: Date; to: Date; timeZone: string }

/** How long it takes from each point to each other one. A road network can stand behind this as well. */
export type TravelTimes = {
  matrix(points: readonly Point[], period: TravelPeriod): Promise<TravelMatrix>
}

/** Streets are longer than the great circle; 1.3 is usual for a town with a street grid. */
const DETOUR_FACTOR = 1.3
/** Average speed in town by the hour of the day, 0 to 23: slow at rush hours. */
const KILOMETERS_PER_HOUR = [
  38, 38, 38, 38, 38, 36, 32, 24, 22, 26, 28, 28, 27, 28, 27, 25, 22, 20, 23, 28, 32, 34, 36, 38,
] as const
const HOUR_MS = 3_600_000
/** About five milliseconds. */
const CELLS_AT_A_TIME = 50_000

/** Great-circle distances with a detour factor and speeds by the hour; it needs nothing but arithmetic. */
export function createGreatCircleTimes(): TravelTimes {
  return {
    matrix: async (points, period) => {
      const metersPerSecond = averageSpeed(period) / 3.6
      const count = points.length
      const durationsSeconds = new Int32Array(count * count)
      const distancesMeters = new Int32Array(count * count)
      let cells = 0
      for (const [a, from] of points.entries()) {
        for (let b = a + 1; b < count; b += 1) {
          const meters = Math.round(distanceMeters(from, points[b] ?? from) * DETOUR_FACTOR)
          const seconds = Math.round(meters / metersPerSecond)
          distancesMeters[a * count + b] = distancesMeters[b * count + a] = meters
          durationsSeconds[a * count + b] = durationsSeconds[b * count + a] = seconds
        }
        cells += count - a
        if (cells < CELLS_AT_A_TIME) continue
        cells = 0
        // A large matrix takes seconds, and others wait for this event loop.
        await nextTurn()
      }
      return { source: 'great_circle', count, durationsSeconds, distancesMeters }
    },
  }
}

/** The mean time for one kilometer over the hours of the period, as a speed. */
function averageSpeed({ from, to, timeZone }: TravelPeriod): number {
  const hourOf = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' })
  let hours = 0
  let hoursPerKilometer = 0
  const end = Math.min(Math.max(to.getTime(), from.getTime() + 1), from.getTime() + 48 * HOUR_MS)
  for (let moment = from.getTime(); moment < end; moment += HOUR_MS) {
    const speed = KILOMETERS_PER_HOUR[Number(hourOf.format(moment)) % 24] ?? KILOMETERS_PER_HOUR[0]
    hours += 1
    hoursPerKilometer += 1 / speed
  }
  return hours / hoursPerKilometer
}
