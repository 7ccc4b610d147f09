import { once } from 'node:events'
import { connect } from 'node:net'
import { newId } from '@urbanbloom/service-kit/ids'
import { openStream } from '@urbanbloom/test-kit/event-stream'
import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetOldRouteEvents } from '../src/stream/route-events.ts'
import {
  createCrew,
  createDriver,
  createHub,
  createWorld,
  expecting,
  inmanPark,
  nearby,
  placeOrder,
  planDay,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const date = tomorrow()
const proof = { kind: 'code', code: '4711' }

async function twoStops(world: World) {
  const hub = await createHub(world)
  const { driver } = await createCrew(world, hub.id, date)
  const [window] = await windowsOf(world, date)
  const orders = [
    await placeOrder(world, window?.id ?? '', { at: nearby(1) }),
    await placeOrder(world, window?.id ?? '', { at: nearby(2) }),
  ]
  return { hub, driver, orders }
}

describe('event streams', () => {
  let world: World
  let day: Awaited<ReturnType<typeof twoStops>>
  const drive = (path: string, body?: unknown) =>
    world.call('POST', `/v1/driver/${path}`, day.driver.token, body)
  const driverStream = (lastEventId?: string, token = day.driver.token) =>
    openStream(`${world.url}/v1/driver/route/events`, { token, lastEventId })
  const trackingStream = (order: { orderId: string; token: string }) =>
    openStream(`${world.url}/v1/orders/${order.orderId}/tracking/events`, { token: order.token })

  beforeAll(async () => {
    world = await createWorld({ env: { SSE_CONNECTIONS_MAX: '8' } })
    day = await twoStops(world)
  })
  afterAll(() => world.close())

  it('tell the driver of a new route, and go on after the last event that was seen', async () => {
    const first = await driverStream()
    expect(first.headers.get('content-type')).toContain('text/event-stream')
    await first.find('the greeting', ({ event, id }) => event === 'ready' && id === '0')
    await planDay(world, day.hub.id, date)
    const planned = await first.find('the plan', ({ event }) => event === 'route.planned')
    expect(planned.id).toBe('1')
    await first.close()

    await expecting(200, drive('route/start'))
    const { stops } = (await world.call('GET', '/v1/driver/route', day.driver.token)).body
    await expecting(200, drive(`stops/${stops[0].id}/arrive`))
    const second = await driverStream(planned.id)
    await second.find('the arrival', ({ event }) => event === 'stop.arrived')
    expect(second.events.map(({ event, id }) => [event, id])).toEqual([
      ['ready', '1'],
      ['route.started', '2'],
      ['stop.arrived', '3'],
    ])
    expect(second.events[2]?.data).toMatchObject({ stopId: stops[0].id, routeId: planned.data.routeId })
    await second.close()
  })

  it('say that events are missing when they are', async () => {
    await world.db.query(`delete from route_events where stream = $1 and sequence < 3`, [
      `driver:${day.driver.id}`,
    ])
    const stream = await driverStream('1')
    await stream.find('the event that is left', ({ event }) => event === 'stop.arrived')
    expect(stream.events.map(({ event }) => event)).toEqual(['ready', 'resync', 'stop.arrived'])
    await stream.close()
  })

  it('forget all events older than two weeks, and no others', async () => {
    await world.db.query(`insert into event_streams (stream, last_sequence) values ('driver:old', 6001)`)
    await world.db.query(
      `insert into route_events (stream, sequence, type, data, created_at)
       select 'driver:old', n, 'x', '{}', now() - make_interval(days => case when n > 6000 then 13 else 15 end)
       from generate_series(1, 6001) n`,
    )
    await forgetOldRouteEvents(world.db)
    const left = await world.db.query(`select sequence from route_events where stream = 'driver:old'`)
    expect(left).toEqual([{ sequence: 6_001 }])
  })

  it('show each customer the whole state at once and at each change', async () => {
    const { stops } = (await world.call('GET', '/v1/driver/route', day.driver.token)).body
    const [next, then] = stops.map((stop: { orderId: string }) =>
      day.orders.find(({ orderId }) => orderId === stop.orderId),
    )
    const streams = [await trackingStream(next), await trackingStream(then)]
    await streams[1]?.find('the state', ({ data }) => data.stopsAhead === 1 && data.driverPosition === null)
    const position = { recordedAt: new Date().toISOString(), ...inmanPark, accuracyMeters: 4 }
    await expecting(202, drive('positions', { positions: [position] }))
    await streams[0]?.find('the van', ({ data }) => data.driverPosition?.latitude === inmanPark.latitude)

    await expecting(200, drive(`stops/${stops[0].id}/deliver`, { proof }))
    await streams[0]?.find('the delivery', ({ data }) => data.status === 'delivered' && data.eta === null)
    await streams[1]?.find('being next', ({ data }) => data.stopsAhead === 0 && data.driverPosition !== null)
    for (const { events, close } of streams.filter((stream) => stream !== undefined)) {
      const texts = events.map(({ data }) => JSON.stringify(data))
      expect(new Set(texts).size).toBe(texts.length)
      await close()
    }
  })

  it('are refused to others', async () => {
    const [order] = day.orders
    const url = `/v1/orders/${order?.orderId}/tracking/events`
    expect((await world.call('GET', url, world.tokenFor(newId(), 'customer'))).body.code).toBe(
      'order_not_found',
    )
    expect((await world.call('GET', url)).status).toBe(401)
    expect((await world.call('GET', '/v1/driver/route/events', order?.token)).status).toBe(403)
  })

  it('are bounded for one owner and for the process', async () => {
    const own = await Promise.all(Array.from({ length: 6 }, () => driverStream()))
    const seventh = await world.call('GET', '/v1/driver/route/events', day.driver.token)
    expect([seventh.status, seventh.body.code]).toEqual([429, 'too_many_streams'])
    const others = [await createDriver(world), await createDriver(world), await createDriver(world)]
    const more = await Promise.all(others.slice(0, 2).map(({ token }) => driverStream(undefined, token)))
    const ninth = await world.call('GET', '/v1/driver/route/events', others[2]?.token)
    expect([ninth.status, ninth.body.code, ninth.headers['retry-after']]).toEqual([
      503,
      'too_many_streams',
      '5',
    ])
    await Promise.all([...own, ...more].map((stream) => stream.close()))
    const again = await waitFor(
      async () => {
        const stream = await driverStream()
        if (stream.status === 200) return stream
        await stream.close()
        return null
      },
      { describe: 'a place to be free again' },
    )
    await again.close()
  })
})

it('changes arrive while Redis is away, and after it came back', async () => {
  const redis = await startRedis()
  const world = await createWorld({ redisUrl: redis.url })
  try {
    const { hub, driver, orders } = await twoStops(world)
    const stream = await openStream(`${world.url}/v1/driver/route/events`, { token: driver.token })
    await redis.stop()
    await planDay(world, hub.id, date)
    await stream.find('the plan', ({ event }) => event === 'route.planned')
    const started = await expecting(200, world.call('POST', '/v1/driver/route/start', driver.token))
    const next = orders.find(({ orderId }) => orderId === started.stops[0].orderId)
    const tracking = await openStream(`${world.url}/v1/orders/${next?.orderId}/tracking/events`, {
      token: next?.token ?? '',
    })
    await tracking.find('the state', ({ data }) => data.driverPosition === null)
    const positions = [{ recordedAt: new Date().toISOString(), ...inmanPark, accuracyMeters: 4 }]
    await expecting(202, world.call('POST', '/v1/driver/positions', driver.token, { positions }))
    await tracking.find('the van', ({ data }) => data.driverPosition !== null)
    await tracking.close()
    await redis.start()
    await expecting(
      200,
      world.call('POST', `/v1/driver/stops/${started.stops[0].id}/fail`, driver.token, {
        reason: 'nobody home',
      }),
    )
    await stream.find('the failure', ({ event }) => event === 'stop.failed')
    await stream.close()
  } finally {
    await world.close()
    await redis.close()
  }
})

it('a stop ends the streams instead of waiting for them', async () => {
  const world = await createWorld()
  const driver = await createDriver(world)
  const stream = await openStream(`${world.url}/v1/driver/route/events`, { token: driver.token })
  await stream.find('the greeting', ({ event }) => event === 'ready')
  const start = performance.now()
  await world.close()
  await waitFor(() => stream.isEnded(), { describe: 'the stream to end' })
  expect(performance.now() - start).toBeLessThan(5_000)
})

it('a stop does not wait for a connection on which nothing was sent', async () => {
  const world = await createWorld()
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const start = performance.now()
  await world.close()
  expect(performance.now() - start).toBeLessThan(5_000)
  socket.destroy()
})
