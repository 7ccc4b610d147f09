import type { Db } from '@urbanbloom/service-kit/db'
import type { Route } from '../dispatch/route.ts'
import type { Knowledge } from './expected-arrivals.ts'
import { readServiceHistory } from './service-time-store.ts'
import { expectedServiceSeconds } from './service-times.ts'

/** Reads what is known of a route beside itself: its hub, its shift, the last position, how long stops take there. */
export async function readKnowledge(db: Db, route: Route, now: Date): Promise<Knowledge> {
  const [row] = await db.query<{
    latitude: number
    longitude: number
    time_zone: string
    shift_start: Date
    shift_end: Date
    van_latitude: number | null
    van_longitude: number | null
    recorded_at: Date | null
  }>(
    `select h.latitude, h.longitude, h.time_zone, lower(s.during) as shift_start, upper(s.during) as shift_end,
            p.latitude as van_latitude, p.longitude as van_longitude, p.recorded_at
     from hubs h
     join shifts s on s.id = $2
     left join driver_positions p on p.driver_id = $3
     where h.id = $1`,
    [route.hubId, route.shiftId, route.driverId],
  )
  if (row === undefined) throw new Error(`The route ${route.id} has no hub or no shift`)
  const history = await readServiceHistory(db, route.hubId, route.stops)
  const { van_latitude: latitude, van_longitude: longitude, recorded_at: recordedAt } = row
  return {
    now,
    hub: { latitude: row.latitude, longitude: row.longitude },
    period: { from: row.shift_start, to: row.shift_end, timeZone: row.time_zone },
    position:
      latitude === null || longitude === null || recordedAt === null
        ? null
        : { latitude, longitude, recordedAt },
    serviceSeconds: (stop) => expectedServiceSeconds(stop, history),
  }
}
