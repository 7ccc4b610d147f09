import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import type { Fix } from './fix.ts'

const DAYS_AHEAD = 14

/** The stop that the driver is on the way to. */
export type NextStopRow = {
  route_id: string
  stop_id: string
  order_id: string
  is_pending: boolean
  is_approached: boolean
  is_reached: boolean
  latitude: number
  longitude: number
}

/**
 * Keeps the newest position and the thinned track in one statement, and gives the next stop where the position is the
 * driver's newest; `isKnown` is false for an account that is no driver's. What is not on disk yet when the server
 * crashes is lost, and the next batch comes in seconds; so the commit does not wait for the disk.
 * @throws PartitionMissing when a day of the track has no partition.
 */
export async function keepPositions(
  db: Db,
  driverId: string,
  { newest, track }: { newest: Fix; track: readonly Fix[] },
): Promise<{ isKnown: boolean; next: NextStopRow | null }> {
  const rows = await db
    .query<{ [Name in keyof NextStopRow]: NextStopRow[Name] | null }>(KEEP, [
      driverId,
      new Date(newest.at),
      newest.latitude,
      newest.longitude,
      newest.accuracyMeters,
      newest.speedMps,
      newest.headingDegrees,
      track.map(({ at }) => new Date(at)),
      track.map(({ latitude }) => latitude),
      track.map(({ longitude }) => longitude),
      track.map(({ accuracyMeters }) => accuracyMeters),
      track.map(({ speedMps }) => speedMps),
      track.map(({ headingDegrees }) => headingDegrees),
    ])
    .catch((err: unknown) => {
      if (err instanceof Error && err.message.startsWith('no partition of relation'))
        throw new PartitionMissing()
      throw err
    })
  const [row] = rows
  return { isKnown: row !== undefined, next: row?.stop_id == null ? null : (row as NextStopRow) }
}

export class PartitionMissing extends Error {
  override name = 'PartitionMissing'
}

const KEEP = `
  with relaxed as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
  ), driver as materialized (
    select d.id from drivers d, relaxed where d.id = $1
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
  ), track as (
    insert into position_tracks
      (driver_id, recorded_at, latitude, longitude, accuracy_meters, speed_mps, heading_degrees)
    select driver.id, t.* from driver, unnest($8::timestamptz[], $9::float8[], $10::float8[], $11::float8[],
                                              $12::float8[], $13::float8[]) t
    on conflict (driver_id, recorded_at) do nothing
  )
  select next.* from driver
  left join lateral (
    select r.id as route_id, s.id as stop_id, s.order_id, s.status = 'pending' as is_pending,
           s.approached_at is not null as is_approached, s.reached_at is not null as is_reached,
           (d.address->>'latitude')::float8 as latitude, (d.address->>'longitude')::float8 as longitude
    from kept join routes r on r.driver_id = kept.driver_id
    join stops s on s.route_id = r.id join deliveries d on d.order_id = s.order_id
    where r.status = 'started' and s.status in ('pending', 'arrived')
    order by s.position limit 1
  ) next on true`

/** Makes the partitions of the coming days and drops those that are older than what is kept. */
export async function keepTrackPartitions(ctx: Context): Promise<{ made: number; dropped: number }> {
  const [result] = await ctx.db.query<{ made: number; dropped: number }>(
    'select made, dropped from keep_position_tracks($1, $2)',
    [ctx.config.trackKeptDays, DAYS_AHEAD],
  )
  if (result === undefined) throw new Error('keep_position_tracks gave no row')
  return result
}
