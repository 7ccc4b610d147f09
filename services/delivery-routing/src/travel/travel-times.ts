import { setImmediate as nextTurn } from 'node:timers/promises'
import { distanceMeters, type Point } from '../geo.ts'
import { averageSpeed, type TravelPeriod } from './traffic.ts'

export type { TravelPeriod } from './traffic.ts'

/**
 * Where travel times come from. `osrm`: the road network; `osrm_partial`: the same, with the model for the legs that
 * it could not answer; `great_circle`: the model, because no road network is configured; `great_circle_fallback`:
 * the model, because the road network gave no usable answer.
 */
export type TravelSource = 'osrm' | 'osrm_partial' | 'great_circle' | 'great_circle_fallback'

/** Row-major: the leg from `a` to `b` is at `a * count + b`. */
export type TravelMatrix = {
  source: TravelSource
  count: number
  durationsSeconds: Int32Array
  distancesMeters: Int32Array
}

/** How long it takes from each point to each other one. It always answers, and says where the answer came from. */
export type TravelTimes = {
  matrix(points: readonly Point[], period: TravelPeriod): Promise<TravelMatrix>
}

/** Streets are longer than the great circle; 1.3 is usual for a town with a street grid. */
const DETOUR_FACTOR = 1.3
/** About five milliseconds. */
const CELLS_AT_A_TIME = 50_000

/** Great-circle distances with a detour factor and speeds by the hour; it needs nothing but arithmetic. */
export function createGreatCircleTimes(): TravelTimes {
  return {
    matrix: async (points, period) => {
      const metersPerSecond = averageSpeed(period)
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
