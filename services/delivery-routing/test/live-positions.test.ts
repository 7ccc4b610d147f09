import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findLivePosition, writeLivePosition } from '../src/positions/live-position.ts'
import { type StartedRoute, startedRoute } from './driving-day.ts'
import { createWorld, expecting, inmanPark, type World } from './world.ts'

let world: World
let redis: Awaited<ReturnType<typeof startRedis>>
let day: StartedRoute
beforeAll(async () => {
  redis = await startRedis()
  world = await createWorld({ redisUrl: redis.url })
  day = await startedRoute(world, 2)
})
afterAll(async () => {
  await world?.close()
  await redis?.close()
})

const north = (meters: number) => inmanPark.latitude + meters / 111_195
const send = (latitude: number, secondsAgo: number) =>
  expecting(
    202,
    day.drive('positions', {
      positions: [
        {
          recordedAt: new Date(Date.now() - secondsAgo * 1_000).toISOString(),
          latitude,
          longitude: inmanPark.longitude,
          accuracyMeters: 5,
        },
      ],
    }),
  )
/** What the map of ops and the next customer are shown. */
async function shown() {
  const { items } = await expecting(200, world.asOps('GET', '/v1/drivers/locations'))
  const location = items.find((each: { driverId: string }) => each.driverId === day.driver.id)
  const { orderId, token } = day.orderOf(day.route.stops[0]!)
  const tracking = await expecting(200, world.call('GET', `/v1/orders/${orderId}/tracking`, token))
  return [location?.latitude ?? null, tracking.driverPosition?.latitude ?? null]
}

it('ops and the next customer see the live position, and what Postgres has where that is newer', async () => {
  await send(north(0), 60)
  await waitFor(async () => ((await findLivePosition(world.ctx, day.driver.id))?.seen.length ?? 0) > 0, {
    describe: 'the live position to be written',
  })
  expect(await shown()).toEqual([north(0), north(0)])
  const live = await findLivePosition(world.ctx, day.driver.id)
  if (live === null) throw new Error('There is no live position')
  // Newer than what Postgres has.
  const last = { ...live.last, at: Date.now() - 30_000, latitude: north(300) }
  await writeLivePosition(world.ctx, day.driver.id, { ...live, last })
  expect(await shown()).toEqual([north(300), north(300)])
  // A batch that was slow on its way here does not take the van back.
  await writeLivePosition(world.ctx, day.driver.id, live)
  expect(await shown()).toEqual([north(300), north(300)])
  // Redis was away when the next one came.
  await world.db.query(
    `update driver_positions set latitude = $2, recorded_at = now() - interval '10 seconds', received_at = now()
     where driver_id = $1`,
    [day.driver.id, north(500)],
  )
  expect(await shown()).toEqual([north(500), north(500)])
})

it('a van that was heard of before it left, or long ago, is shown to no customer', async () => {
  const was = `update driver_positions set received_at = started_at - interval '1 minute'
               from routes where routes.driver_id = driver_positions.driver_id and driver_positions.driver_id = $1`
  await world.ctx.redis.client.flushall()
  await world.db.query(was, [day.driver.id])
  expect((await shown())[1]).toBeNull()
  await world.db.query(
    `update driver_positions set received_at = now(), recorded_at = now() - interval '11 minutes' where driver_id = $1`,
    [day.driver.id],
  )
  expect((await shown())[1]).toBeNull()
})

it('the map of ops has a van whose phone is behind', async () => {
  const onMap = () =>
    world.db.query('select van, received_at from map_vans where route_id = $1', [day.route.id])
  await world.db.query(
    `update driver_positions set received_at = now(), recorded_at = now() - interval '3 hours' where driver_id = $1`,
    [day.driver.id],
  )
  expect(await onMap()).toHaveLength(1)
  await world.db.query(
    `update driver_positions p set received_at = r.started_at - interval '1 minute',
       recorded_at = now() - interval '1 minute'
     from routes r where r.driver_id = p.driver_id and p.driver_id = $1`,
    [day.driver.id],
  )
  expect(await onMap()).toEqual([])
})

it('without Redis both are what Postgres has', async () => {
  await redis.stop()
  await send(north(700), 5)
  expect(await shown()).toEqual([north(700), north(700)])
})
