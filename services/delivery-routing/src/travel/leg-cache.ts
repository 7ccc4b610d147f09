import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { Point } from '../geo.ts'
import { coordinateOf } from './osrm-table.ts'

/** Legs of a matrix, row by row; -1 where a leg is not known. */
export type Legs = { count: number; durationsSeconds: Int32Array; distancesMeters: Int32Array }

export const UNKNOWN = -1

export type LegCache = ReturnType<typeof createLegCache>

const TTL_SECONDS = 6 * 3_600
const TTL_JITTER = 0.2
/** What one command carries, so that none takes long. */
const LEGS_AT_A_TIME = 2_000
/** A day with more places than this is asked for anew: its legs would take tens of megabytes. */
const POINTS_MAX = 400

export function emptyLegs(count: number): Legs {
  const cells = count * count
  return {
    count,
    durationsSeconds: new Int32Array(cells).fill(UNKNOWN),
    distancesMeters: new Int32Array(cells).fill(UNKNOWN),
  }
}

/**
 * Legs in Redis by origin, destination (rounded to about a metre) and hour of the day: one hash for each origin and
 * hour. A network that learns from traffic answers differently by the hour, and none stays the same for ever, so
 * each hash is forgotten about six hours after its first leg. Redis may be gone: then nothing is known.
 */
export function createLegCache(redis: RedisConnection, profile: string) {
  const keyOf = (hour: number, from: string) => `delivery-routing:legs:${profile}:${hour}:${from}`

  return {
    /** What is known of the legs between `points`. */
    async read(points: readonly Point[], hour: number): Promise<Legs> {
      const count = points.length
      const legs = emptyLegs(count)
      if (count > POINTS_MAX) return legs
      const places = points.map(coordinateOf)
      const rowsAtATime = Math.max(1, Math.floor(LEGS_AT_A_TIME / count))
      for (let first = 0; first < count; first += rowsAtATime) {
        const rows = places.slice(first, first + rowsAtATime)
        const answers = await redis.attempt(async (client) => {
          const pipeline = client.pipeline()
          for (const from of rows) pipeline.hmget(keyOf(hour, from), ...places)
          return pipeline.exec()
        })
        // Redis is away, or too slow to be worth asking for the rest.
        if (answers === undefined || answers === null) return legs
        for (const [row, [err, cells]] of answers.entries()) {
          if (err === null) takeRow(legs, first + row, cells as (string | null)[])
        }
      }
      return legs
    },

    /** Keeps the rows in which something was learned. It never fails. */
    async write(points: readonly Point[], hour: number, legs: Legs, rows: Iterable<number>): Promise<void> {
      if (points.length > POINTS_MAX) return
      const places = points.map(coordinateOf)
      for (const row of rows) {
        const key = keyOf(hour, places[row] ?? '')
        const fields = knownFields(legs, row, places)
        if (fields.length === 0) continue
        const ttlSeconds = Math.round(TTL_SECONDS * (1 - TTL_JITTER + 2 * TTL_JITTER * Math.random()))
        const written = await redis.attempt((client) =>
          client
            .pipeline()
            .hset(key, ...fields)
            .expire(key, ttlSeconds, 'NX')
            .exec(),
        )
        if (written === undefined) return
        await nextTurn()
      }
    },
  }
}

function takeRow(legs: Legs, row: number, cells: readonly (string | null)[]): void {
  for (const [column, text] of cells.entries()) {
    const known = text === null ? null : /^(\d{1,9}) (\d{1,9})$/.exec(text)
    if (known === null) continue
    legs.durationsSeconds[row * legs.count + column] = Number(known[1])
    legs.distancesMeters[row * legs.count + column] = Number(known[2])
  }
}

function knownFields({ count, durationsSeconds, distancesMeters }: Legs, row: number, places: string[]) {
  return places.flatMap((place, column) => {
    const seconds = durationsSeconds[row * count + column] ?? UNKNOWN
    const meters = distancesMeters[row * count + column] ?? UNKNOWN
    return seconds === UNKNOWN || meters === UNKNOWN ? [] : [place, `${seconds} ${meters}`]
  })
}
