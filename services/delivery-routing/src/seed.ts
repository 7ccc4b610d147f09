import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'

type Seed = {
  /** The account that `auth` has made for the driver. */
  driverAccountId: string
  driverEmail?: string
  driverName?: string
  now?: Date
}

/** Fixed, so that seeding again finds what it made before. */
const HUB_ID = '01900000-0000-7000-8000-000000000101'
const VEHICLE_ID = '01900000-0000-7000-8000-000000000201'
const TIME_ZONE = 'America/New_York'

/**
 * A hub in Inman Park with a van, the driver, and a shift from 07:00 to 22:00 today and tomorrow: what a
 * developer's machine needs. Only what is missing is made, so it runs at each start and never touches the rest.
 */
export async function seedFleet(db: Db, seed: Seed): Promise<{ hubId: string; vehicleId: string }> {
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into hubs (id, name, latitude, longitude, service_radius_meters, time_zone)
       values ($1, 'Inman Park', 33.7573, -84.3521, 8000, $2) on conflict (id) do nothing`,
      [HUB_ID, TIME_ZONE],
    )
    await tx.query(
      `insert into vehicles (id, hub_id, name, capacity_weight_grams, capacity_volume_milliliters)
       values ($1, $2, 'Van 1', 600000, 4000000) on conflict (id) do nothing`,
      [VEHICLE_ID, HUB_ID],
    )
    await tx.query(
      `insert into drivers (id, email, name, status) values ($1, $2, $3, 'active') on conflict do nothing`,
      [seed.driverAccountId, seed.driverEmail ?? 'driver@urbanbloom.test', seed.driverName ?? 'Dana Driver'],
    )
    await tx.query(
      `insert into shifts (id, driver_id, vehicle_id, hub_id, during)
       select id, $1, $2, $3, tstzrange(
         (day + time '07:00') at time zone $4, (day + time '22:00') at time zone $4)
       from (select id, ($5::timestamptz at time zone $4)::date + days_ahead as day
             from unnest($6::uuid[], $7::int[]) as new (id, days_ahead)) as days
       on conflict do nothing`,
      [
        seed.driverAccountId,
        VEHICLE_ID,
        HUB_ID,
        TIME_ZONE,
        seed.now ?? new Date(),
        [newId(), newId()],
        [0, 1],
      ],
    )
  })
  return { hubId: HUB_ID, vehicleId: VEHICLE_ID }
}
