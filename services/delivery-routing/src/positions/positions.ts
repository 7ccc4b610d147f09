import { forbidden } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Latitude, Longitude, Moment } from '../schemas.ts'
import type { Stream } from '../stream/route-events.ts'

export const DriverPosition = z.strictObject({
  recordedAt: Moment,
  latitude: Latitude,
  longitude: Longitude,
  accuracyMeters: z.number().min(0).max(100_000),
  speedMps: z.number().min(0).max(1_000).optional(),
  headingDegrees: z.number().min(0).max(360).optional(),
})

export const Positions = z.array(DriverPosition).max(500)
export const PositionsAnswer = z.object({ accepted: z.int(), ignored: z.int() })

type Given = z.infer<typeof DriverPosition>

/** Indoors a phone guesses; a fix that is this vague would move the van across town. */
const ACCURACY_MAX_METERS = 200
const FUTURE_MAX_MS = 60_000
const AGE_MAX_MS = 24 * 3_600_000
/** 200 km/h. */
const SPEED_MAX_MPS = 56

/**
 * Keeps the newest of the positions that can be true. Those that cannot are counted and ignored, because a phone
 * would only send them again.
 */
export async function recordPositions(
  ctx: Context,
  driverId: string,
  positions: readonly Given[],
): Promise<z.infer<typeof PositionsAnswer>> {
  const usable = positions.filter((position) => isUsable(position, ctx.now().getTime()))
  const newest = usable.toSorted((a, b) => Date.parse(b.recordedAt) - Date.parse(a.recordedAt))[0]
  if (newest !== undefined) await keepNewest(ctx, driverId, newest)
  const ignored = positions.length - usable.length
  ctx.metrics.positions.inc({ outcome: 'accepted' }, usable.length)
  ctx.metrics.positions.inc({ outcome: 'ignored' }, ignored)
  return { accepted: usable.length, ignored }
}

function isUsable({ recordedAt, accuracyMeters, speedMps = 0 }: Given, now: number): boolean {
  const at = Date.parse(recordedAt)
  return (
    at <= now + FUTURE_MAX_MS &&
    at >= now - AGE_MAX_MS &&
    accuracyMeters <= ACCURACY_MAX_METERS &&
    speedMps <= SPEED_MAX_MPS
  )
}

async function keepNewest(ctx: Context, driverId: string, position: Given): Promise<void> {
  const [driver] = await ctx.db.query<{ next_order: string | null }>(
    `with driver as (
       select id from drivers where id = $1
     ), kept as (
       insert into driver_positions as p
         (driver_id, recorded_at, latitude, longitude, accuracy_meters, speed_mps, heading_degrees)
       select id, $2, $3, $4, $5, $6, $7 from driver
       on conflict (driver_id) do update
         set recorded_at = excluded.recorded_at, received_at = now(), latitude = excluded.latitude,
             longitude = excluded.longitude, accuracy_meters = excluded.accuracy_meters,
             speed_mps = excluded.speed_mps, heading_degrees = excluded.heading_degrees
         where p.recorded_at < excluded.recorded_at
       returning driver_id
     )
     select (select s.order_id from kept join routes r on r.driver_id = kept.driver_id
             join stops s on s.route_id = r.id
             where r.status = 'started' and s.status in ('pending', 'arrived')
             order by s.position limit 1) as next_order
     from driver`,
    [
      driverId,
      new Date(position.recordedAt),
      position.latitude,
      position.longitude,
      position.accuracyMeters,
      position.speedMps ?? null,
      position.headingDegrees ?? null,
    ],
  )
  if (driver === undefined) throw forbidden('driver_unknown', 'Your account is not among our drivers')
  // Only the customer who is next sees the van, so only that customer's stream is told.
  const streams: Stream[] = driver.next_order === null ? [] : [`order:${driver.next_order}`]
  ctx.feed.announce(streams)
}
