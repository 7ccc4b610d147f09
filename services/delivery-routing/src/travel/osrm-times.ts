import type { Log } from '@urbanbloom/service-kit/log'
import type { Point } from '../geo.ts'
import { type LegCache, type Legs, UNKNOWN } from './leg-cache.ts'
import { type OsrmClient, OsrmFailure } from './osrm-table.ts'
import { localHour, type TravelPeriod, trafficFactor } from './traffic.ts'
import type { TravelMatrix, TravelTimes } from './travel-times.ts'

type Parts = {
  client: Pick<OsrmClient, 'table'>
  cache: LegCache
  /** What answers where OSRM does not. */
  model: TravelTimes
  /** The most coordinates in one request; osrm-routed refuses more than its `--max-table-size`, 100 by default. */
  tableSize: number
  /** The most that all requests for one matrix may take. */
  limitMs: number
  log: Log
  onMatrix: (source: TravelMatrix['source']) => void
}

const REQUESTS_AT_A_TIME = 4

/**
 * Travel times by OSRM's road network, stretched by the traffic of the hour. What it cannot answer the model
 * answers: single legs that have no way, or the whole matrix where a table fails, because times of two kinds side by
 * side would mislead the planner. The source says which.
 */
export function createOsrmTimes(parts: Parts): TravelTimes {
  const { model, cache, onMatrix } = parts
  return {
    async matrix(points, period) {
      const hour = localHour(period.from, period.timeZone)
      const legs = await cache.read(points, hour)
      try {
        const learned = await askForMissing(parts, points, legs)
        if (learned.size > 0) void cache.write(points, hour, legs, learned)
      } catch (err) {
        if (!(err instanceof OsrmFailure)) throw err
        parts.log.warn({ err, reason: err.reason, points: points.length }, 'travel times come from the model')
        onMatrix('great_circle_fallback')
        return { ...(await model.matrix(points, period)), source: 'great_circle_fallback' }
      }
      const matrix = await complete(model, points, period, legs)
      onMatrix(matrix.source)
      return matrix
    },
  }
}

type Block = { sources: number[]; destinations: number[] }

/** Asks for each block in which a leg is unknown. @returns the rows of which something was learned. */
async function askForMissing(
  { client, tableSize, limitMs }: Parts,
  points: readonly Point[],
  legs: Legs,
): Promise<Set<number>> {
  const learned = new Set<number>()
  const blocks = missingBlocks(legs, Math.max(1, Math.floor(tableSize / 2)))
  const deadline = AbortSignal.timeout(limitMs)
  const failed = new AbortController()
  const signal = AbortSignal.any([deadline, failed.signal])
  const at = (indices: readonly number[]) =>
    indices.flatMap((index) => {
      const point = points[index]
      return point === undefined ? [] : [point]
    })

  const worker = async () => {
    for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) {
      const { sources, destinations } = block
      const table = await client.table(at(sources), at(destinations), signal)
      for (const [i, row] of sources.entries()) {
        for (const [j, column] of destinations.entries()) {
          const cell = row * legs.count + column
          legs.durationsSeconds[cell] = rounded(table.durationsSeconds[i]?.[j])
          legs.distancesMeters[cell] = rounded(table.distancesMeters[i]?.[j])
        }
        learned.add(row)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: REQUESTS_AT_A_TIME }, worker))
  } catch (err) {
    // One table that fails makes the others useless.
    blocks.length = 0
    failed.abort()
    throw err
  }
  return learned
}

function missingBlocks({ count, durationsSeconds, distancesMeters }: Legs, side: number): Block[] {
  const ranges: number[][] = []
  for (let first = 0; first < count; first += side) {
    ranges.push(Array.from({ length: Math.min(side, count - first) }, (_, index) => first + index))
  }
  const isMissing = (cell: number) => durationsSeconds[cell] === UNKNOWN || distancesMeters[cell] === UNKNOWN
  return ranges.flatMap((sources) =>
    ranges
      .filter((destinations) =>
        sources.some((a) => destinations.some((b) => a !== b && isMissing(a * count + b))),
      )
      .map((destinations) => ({ sources, destinations })),
  )
}

/** Milliseconds and centimetres mean nothing to a plan; a leg without a way is unknown. */
function rounded(value: number | null | undefined): number {
  return value === null || value === undefined ? UNKNOWN : Math.round(value)
}

/** Applies the traffic of the period, and lets the model answer for the legs that are still unknown. */
async function complete(
  model: TravelTimes,
  points: readonly Point[],
  period: TravelPeriod,
  legs: Legs,
): Promise<TravelMatrix> {
  const { count } = legs
  const factor = trafficFactor(period)
  const durationsSeconds = new Int32Array(count * count)
  const distancesMeters = new Int32Array(count * count)
  let substitute: TravelMatrix | undefined
  for (let cell = 0; cell < count * count; cell += 1) {
    if (cell % (count + 1) === 0) continue
    const seconds = legs.durationsSeconds[cell] ?? UNKNOWN
    const meters = legs.distancesMeters[cell] ?? UNKNOWN
    if (seconds === UNKNOWN || meters === UNKNOWN) substitute ??= await model.matrix(points, period)
    durationsSeconds[cell] =
      seconds === UNKNOWN ? (substitute?.durationsSeconds[cell] ?? 0) : Math.round(seconds * factor)
    distancesMeters[cell] = meters === UNKNOWN ? (substitute?.distancesMeters[cell] ?? 0) : meters
  }
  const source = substitute === undefined ? 'osrm' : 'osrm_partial'
  return { source, count, durationsSeconds, distancesMeters }
}
