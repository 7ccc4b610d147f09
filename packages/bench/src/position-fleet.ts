import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newId } from '@urbanbloom/service-kit/ids'
import pg from 'pg'

/** Where the vans of the benchmark are; each drives in another direction. */
const CENTRE = { latitude: 33.7573, longitude: -84.3521 }
const METERS_PER_DEGREE = 111_195
const METERS_PER_SECOND = 8
const NOISE_METERS = 4

/** Stands in for `auth` as far as tokens go: it publishes a key and signs with it. */
export async function startKeyServer() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'EdDSA', use: 'sig' }]
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokenFor(driverId: string): string {
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        iss: 'urbanbloom',
        aud: 'urbanbloom-api',
        sub: driverId,
        role: 'driver',
        sid: driverId,
      }
      const text = `${encode({ alg: 'EdDSA', kid: 'bench' })}.${encode({ ...claims, iat: now, exp: now + 3_600 })}`
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
    },
    close: () => server.close(),
  }
}

/** So many drivers, each on a started route with one stop, so that every batch looks for fences. */
export async function insertFleet(databaseUrl: string, count: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const ids = Array.from({ length: count }, () => newId())
    await client.query(FLEET, [ids, newId(), newId(), newId(), CENTRE.latitude, CENTRE.longitude])
    await client.query('analyze')
    return ids
  } finally {
    await client.end()
  }
}

const FLEET = `
  with given as (select id, n::integer from unnest($1::uuid[]) with ordinality as g (id, n)),
  hub as (
    insert into hubs (id, name, latitude, longitude, service_radius_meters, time_zone)
    values ($2, 'Bench', $5, $6, 10000, 'America/New_York') returning id
  ), slot as (
    insert into delivery_windows (id, hub_id, starts_at, ends_at, capacity, fee_cents)
    select $3::uuid, id, now(), now() + interval '2 hours', 100000, 0 from hub returning id
  ), plan as (
    insert into plans (id, hub_id, local_date, version, status, requested_by, finished_at)
    select $4::uuid, id, current_date, 1, 'done', $4::uuid, now() from hub returning id
  ), driver as (
    insert into drivers (id, email, name, status)
    select id, 'bench-' || n || '@urbanbloom.test', 'Bench ' || n, 'active' from given returning id
  ), vehicle as (
    insert into vehicles (id, hub_id, name, capacity_weight_grams, capacity_volume_milliliters)
    select given.id, hub.id, 'Van ' || n, 1000000, 1000000 from given, hub returning id
  ), shift as (
    insert into shifts (id, driver_id, vehicle_id, hub_id, during)
    select driver.id, driver.id, vehicle.id, $2::uuid, tstzrange(now() - interval '1 hour', now() + interval '9 hours')
    from driver join vehicle on vehicle.id = driver.id returning id
  ), route as (
    insert into routes (id, plan_id, hub_id, local_date, shift_id, driver_id, vehicle_id, status, distance_meters,
                        duration_seconds, starts_at, ends_at, started_at)
    select shift.id, plan.id, $2::uuid, current_date, shift.id, shift.id, shift.id, 'started', 0, 0, now(), now(), now()
    from shift, plan returning id
  ), delivery as (
    insert into deliveries (order_id, status, customer_id, window_id, holds_capacity, number, address)
    select given.id, 'loaded', given.id, slot.id, true, 'B-' || n,
           jsonb_build_object('latitude', $5::float8 + 1, 'longitude', $6::float8)
    from given, slot returning order_id
  )
  insert into stops (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds, leg_meters,
                     service_seconds)
  select order_id, route.id, order_id, 1, 'pending', now(), now(), 0, 0, 180
  from delivery join route on route.id = order_id`

/** What a phone has recorded in the last `count` seconds: a straight way with the noise of a receiver. */
export function recordedPositions(driver: number, sentAtMs: number, count: number): object[] {
  const angle = driver * 2.4
  return Array.from({ length: count }, (_, index) => {
    const at = sentAtMs - (count - 1 - index) * 1000
    const meters = ((at / 1000) % 3_600) * METERS_PER_SECOND
    const noise = () => ((Math.random() - 0.5) * NOISE_METERS) / METERS_PER_DEGREE
    return {
      recordedAt: new Date(at).toISOString(),
      latitude: CENTRE.latitude + (Math.sin(angle) * meters) / METERS_PER_DEGREE + noise(),
      longitude: CENTRE.longitude + (Math.cos(angle) * meters) / METERS_PER_DEGREE + noise(),
      accuracyMeters: 5,
      speedMps: METERS_PER_SECOND,
      headingDegrees: 90,
    }
  })
}
