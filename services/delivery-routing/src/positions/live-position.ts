import type { Db } from '@urbanbloom/service-kit/db'
import * as z from 'zod'
import type { Context } from '../context.ts'
import type { Fix } from './fix.ts'

/** What is known of a van between two batches. */
export type LivePosition = {
  last: Fix
  /** The last position that the track keeps. */
  kept: Fix | null
  /** The times of those that came lately, by which a batch that is sent again is known. */
  seen: number[]
}

const SEEN_MAX = 60

const TTL_SECONDS = 24 * 3_600

const StoredFix = z.object({
  at: z.number(),
  latitude: z.number(),
  longitude: z.number(),
  accuracyMeters: z.number(),
  speedMps: z.number().nullable(),
  headingDegrees: z.number().nullable(),
})
const Stored = z.object({
  last: StoredFix,
  kept: StoredFix.nullable(),
  seen: z.array(z.number()),
  /** By our clock; a process of an older version writes none. */
  receivedAt: z.number().optional(),
})

/** Writes the value unless one that is newer is there: two batches may come at the same time. */
const SET_NEWER = `
  local known = redis.call('get', KEYS[1])
  if known and tonumber(cjson.decode(known).last.at) > tonumber(ARGV[2]) then return 0 end
  redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[3])
  return 1`

/**
 * The van's last position: from Redis, else from Postgres, which is never behind by more than what is on its way. Null
 * where it has none.
 */
export async function findLivePosition(ctx: Context, driverId: string): Promise<LivePosition | null> {
  const text = await ctx.redis.attempt((client) => client.get(keyOf(driverId)))
  const stored = typeof text === 'string' ? parse(text) : null
  return stored ?? (await readPosition(ctx.db, driverId))
}

/** Never fails: what Redis does not keep is read from Postgres. */
export async function writeLivePosition(ctx: Context, driverId: string, live: LivePosition): Promise<void> {
  const receivedAt = ctx.now().getTime()
  const value = JSON.stringify({ ...live, seen: live.seen.slice(-SEEN_MAX), receivedAt })
  await ctx.redis.attempt((client) =>
    client.eval(SET_NEWER, 1, keyOf(driverId), value, live.last.at, TTL_SECONDS),
  )
}

/** Where a van was last, and when that was by its phone's clock and by ours. */
export type Place = {
  latitude: number
  longitude: number
  accuracyMeters: number
  speedMps: number | null
  headingDegrees: number | null
  recordedAt: Date
  receivedAt: Date
}

/**
 * Where vans are: the live positions from Redis, in one call. `kept` has what Postgres knows of the same drivers; it is
 * given where Redis is gone, has none, or was away when something newer came.
 */
export async function withLivePlaces<Known extends Place | null>(
  ctx: Context,
  kept: ReadonlyMap<string, Known>,
): Promise<Map<string, Known | Place>> {
  const driverIds = [...kept.keys()]
  const places = new Map<string, Known | Place>(kept)
  if (driverIds.length === 0) return places
  const texts = await ctx.redis.attempt((client) => client.mget(driverIds.map(keyOf)))
  for (const [index, driverId] of driverIds.entries()) {
    const live = toPlace(texts?.[index] ?? null)
    const known = places.get(driverId) ?? null
    if (live !== null && (known === null || live.recordedAt >= known.recordedAt)) places.set(driverId, live)
  }
  return places
}

function toPlace(text: string | null): Place | null {
  const stored = text === null ? null : parse(text)
  if (stored === null) return null
  const { at, ...place } = stored.last
  return { ...place, recordedAt: new Date(at), receivedAt: new Date(stored.receivedAt ?? at) }
}

function keyOf(driverId: string): string {
  return `delivery-routing:position:${driverId}`
}

function parse(text: string): z.infer<typeof Stored> | null {
  try {
    return Stored.parse(JSON.parse(text))
  } catch {
    // Written by another version: then Postgres has it.
    return null
  }
}

type Row = {
  recorded_at: Date
  latitude: number
  longitude: number
  accuracy_meters: number
  speed_mps: number | null
  heading_degrees: number | null
}

async function readPosition(db: Db, driverId: string): Promise<LivePosition | null> {
  const [last] = await db.query<Row>(
    `select recorded_at, latitude, longitude, accuracy_meters, speed_mps, heading_degrees
     from driver_positions where driver_id = $1`,
    [driverId],
  )
  if (last === undefined) return null
  const [kept] = await db.query<Row>(
    `select recorded_at, latitude, longitude, accuracy_meters, speed_mps, heading_degrees
     from position_tracks
     where driver_id = $1 and recorded_at <= $2 and recorded_at > $2::timestamptz - interval '1 day'
     order by recorded_at desc limit 1`,
    [driverId, last.recorded_at],
  )
  return { last: toFix(last), kept: kept === undefined ? null : toFix(kept), seen: [] }
}

function toFix(row: Row): Fix {
  return {
    at: row.recorded_at.getTime(),
    latitude: row.latitude,
    longitude: row.longitude,
    accuracyMeters: row.accuracy_meters,
    speedMps: row.speed_mps,
    headingDegrees: row.heading_degrees,
  }
}
