import { openStream } from '@urbanbloom/test-kit/event-stream'
import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findLivePosition } from '../src/positions/live-position.ts'
import { keepTrackPartitions } from '../src/positions/track-store.ts'
import { type StartedRoute, startedRoute } from './driving-day.ts'
import { createDriver, createWorld, expecting, inmanPark, nearby, type World } from './world.ts'

let world: World
let day: StartedRoute
beforeAll(async () => {
  world = await createWorld()
  day = await startedRoute(world, 2)
})
afterAll(() => world.close())

type Place = { latitude: number; longitude: number }

const position = (secondsAgo: number, at: Place, changes: object = {}) => ({
  recordedAt: new Date(Date.now() - secondsAgo * 1000).toISOString(),
  ...at,
  accuracyMeters: 5,
  ...changes,
})
const metersNorth = (at: Place, meters: number): Place => ({
  ...at,
  latitude: at.latitude + meters / 111_195,
})

const trackOf = (driverId: string) =>
  world.db.query<{ recorded_at: Date; latitude: number }>(
    'select recorded_at, latitude from position_tracks where driver_id = $1 order by recorded_at',
    [driverId],
  )

async function lastPlace(driverId: string): Promise<number | undefined> {
  const { items } = await expecting(200, world.asOps('GET', '/v1/drivers/locations'))
  return items.find((each: { driverId: string }) => each.driverId === driverId)?.latitude
}

it('leaves a thinned track, and the newest place on the map', async () => {
  const driver = await createDriver(world)
  const send = (positions: object[], more: object = {}) =>
    expecting(202, world.call('POST', '/v1/driver/positions', driver.token, { positions, ...more }))
  const road = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) =>
      position(100 - from - index, metersNorth(inmanPark, (from + index) * 10)),
    )
  const first = road(0, 20)
  expect(await send(first)).toEqual({ accepted: 20, ignored: 0 })
  // What is remembered of the batch is written behind the answer.
  await waitFor(async () => (await findLivePosition(world.ctx, driver.id))?.seen.length === 20, {
    describe: 'the batch to be remembered',
  })
  expect(await send(first)).toEqual({ accepted: 0, ignored: 20 })
  expect(await send(road(20, 40))).toEqual({ accepted: 20, ignored: 0 })
  const impossible = position(50, metersNorth(inmanPark, 90_000))
  expect(await send([impossible])).toEqual({ accepted: 0, ignored: 1 })

  const track = await trackOf(driver.id)
  expect(track).toHaveLength(3)
  expect(track.map(({ latitude }) => Math.round((latitude - inmanPark.latitude) * 111_195))).toEqual([
    0, 190, 390,
  ])
  expect(await lastPlace(driver.id)).toBeCloseTo(metersNorth(inmanPark, 390).latitude, 6)
})

it('corrects the clock of a phone that says when it sends', async () => {
  const driver = await createDriver(world)
  const wrong = 2 * 3_600
  const positions = [position(10 - wrong, inmanPark)]
  const sentAt = new Date(Date.now() + wrong * 1000).toISOString()
  const send = (body: object) =>
    expecting(202, world.call('POST', '/v1/driver/positions', driver.token, body))
  expect(await send({ positions })).toEqual({ accepted: 0, ignored: 1 })
  expect(await send({ positions, sentAt })).toEqual({ accepted: 1, ignored: 0 })
  const [kept] = await trackOf(driver.id)
  expect(Math.abs(Date.now() - 10_000 - (kept?.recorded_at.getTime() ?? 0))).toBeLessThan(5_000)
})

it('goes on without Redis, from what Postgres has', async () => {
  const redis = await startRedis()
  const other = await createWorld({ redisUrl: redis.url })
  try {
    const driver = await createDriver(other)
    const send = (positions: object[]) =>
      expecting(202, other.call('POST', '/v1/driver/positions', driver.token, { positions }))
    expect(await send([position(60, inmanPark)])).toEqual({ accepted: 1, ignored: 0 })
    await redis.stop()
    const far = position(50, metersNorth(inmanPark, 50_000))
    expect(await send([far, position(40, metersNorth(inmanPark, 100))])).toEqual({ accepted: 1, ignored: 1 })
  } finally {
    await other.close()
    await redis.close()
  }
})

it('tells the driver and the customer once that the van comes near, and leaves the arrival to the driver', async () => {
  const [stop] = day.route.stops
  if (stop === undefined) throw new Error('No stop')
  const [row] = await world.db.query<{ latitude: number; longitude: number }>(
    `select (address->>'latitude')::float8 as latitude, (address->>'longitude')::float8 as longitude
     from deliveries where order_id = $1`,
    [stop.orderId],
  )
  const at = row ?? nearby(0)
  const stream = await openStream(`${world.url}/v1/driver/route/events`, { token: day.driver.token })
  await stream.find('the greeting', ({ event }) => event === 'ready')
  for (const [secondsAgo, meters] of [
    [60, 600],
    [40, 450],
    [30, 300],
    [10, 20],
    [5, 10],
  ] as const) {
    const positions = [position(secondsAgo, metersNorth(at, meters), { speedMps: 1 })]
    await expecting(202, day.drive('positions', { positions }))
  }
  await stream.find('the van at the stop', ({ event }) => event === 'stop.reached')
  const told = stream.events.filter(({ event }) => event !== 'ready')
  expect(told.map(({ event, data }) => [event, data.stopId])).toEqual([
    ['stop.approaching', stop.id],
    ['stop.reached', stop.id],
  ])
  await stream.close()
  const customers = await world.db.query(
    `select type from route_events where stream = $1 and type in ('delivery.approaching', 'delivery.reached')
     order by sequence`,
    [`order:${stop.orderId}`],
  )
  expect(customers).toEqual([{ type: 'delivery.approaching' }, { type: 'delivery.reached' }])
  const { body } = await world.call('GET', '/v1/driver/route', day.driver.token)
  expect(body.stops[0].status).toBe('pending')
})

it('tells once of a fence that several batches cross at once', async () => {
  const [stop] = day.route.stops
  const [at] = await world.db.query<Place>(
    `select (address->>'latitude')::float8 as latitude, (address->>'longitude')::float8 as longitude
     from deliveries where order_id = $1`,
    [stop?.orderId],
  )
  if (stop === undefined || at === undefined) throw new Error('No stop')
  const told = () =>
    world.db.query(
      `select 1 from route_events where stream = $1 and type in ('stop.approaching', 'stop.reached')`,
      [`driver:${day.driver.id}`],
    )
  const before = (await told()).length
  await world.db.query('update stops set approached_at = null, reached_at = null where id = $1', [stop.id])
  const batches = Array.from({ length: 8 }, (_, index) => [
    position(4 - index / 4, metersNorth(at, 10 - index), { speedMps: 1 }),
  ])
  await Promise.all(batches.map((positions) => expecting(202, day.drive('positions', { positions }))))
  expect(await told()).toHaveLength(before + 2)
})

describe('the track’s partitions', () => {
  const partitions = async () => {
    const rows = await world.db.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'position_tracks'::regclass order by 1`,
    )
    return rows.map(({ name }) => name.replace(/^delivery\./, ''))
  }
  const nameOf = (daysLater: number) => {
    const date = new Date(Date.now() + daysLater * 86_400_000).toISOString().slice(0, 10)
    return `position_tracks_${date.replaceAll('-', '')}`
  }
  const asAdmin = (sql: string) => world.admin(sql)

  it('are there for two weeks, and one that is missing is made when it is needed', async () => {
    expect(await partitions()).toEqual(expect.arrayContaining([nameOf(-2), nameOf(0), nameOf(14)]))
    await asAdmin(`drop table delivery.${nameOf(0)}`)
    const driver = await createDriver(world)
    const positions = [position(0, inmanPark)]
    await expecting(202, world.call('POST', '/v1/driver/positions', driver.token, { positions }))
    expect(await trackOf(driver.id)).toHaveLength(1)
  })

  it('are dropped when they are old, and only then, by a service that may drop no table itself', async () => {
    for (const [name, daysAgo] of [
      [nameOf(-31), 31],
      [nameOf(-30), 30],
    ] as const) {
      await asAdmin(
        `create table delivery.${name} partition of delivery.position_tracks
         for values from (date_trunc('day', now() - interval '${daysAgo} days', 'utc'))
                      to (date_trunc('day', now() - interval '${daysAgo - 1} days', 'utc'))`,
      )
    }
    expect(await keepTrackPartitions(world.ctx)).toEqual({ made: 0, dropped: 1 })
    expect(await partitions()).not.toContain(nameOf(-31))
    expect(await partitions()).toContain(nameOf(-30))
    // Whoever asks for less than a week keeps a week.
    await world.db.query('select keep_position_tracks(0, 0)')
    expect(await partitions()).toContain(nameOf(-2))
    await expect(world.db.query(`drop table ${nameOf(0)}`)).rejects.toMatchObject({ code: '42501' })
    await expect(
      world.db.query(`create table mine partition of position_tracks default`),
    ).rejects.toMatchObject({
      code: '42501',
    })
  })
})
