import { newId } from '@urbanbloom/service-kit/ids'
import { openStream } from '@urbanbloom/test-kit/event-stream'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findRoute } from '../src/dispatch/route-store.ts'
import { refreshEtas } from '../src/eta/refresh-etas.ts'
import { learnServiceTimes, readServiceHistory } from '../src/eta/service-time-store.ts'
import { recordDueMessages } from '../src/messages/record-due-messages.ts'
import {
  createCrew,
  createHub,
  createWorld,
  expecting,
  nearby,
  placeOrder,
  planDay,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const MINUTE_MS = 60_000

describe('expected arrivals of a day under way', () => {
  let world: World
  let now = new Date()
  let crew: Awaited<ReturnType<typeof createCrew>>
  let orders: Awaited<ReturnType<typeof placeOrder>>[]
  let window: { start: string; end: string }
  let routeId: string
  beforeAll(async () => {
    world = await createWorld({ overrides: { now: () => now } })
    const hub = await createHub(world)
    const found = (await windowsOf(world, tomorrow()))[2]
    if (found === undefined) throw new Error('There is no window')
    window = found
    crew = await createCrew(world, hub.id, tomorrow())
    orders = []
    for (const index of [0, 1, 2]) orders.push(await placeOrder(world, found.id, { at: nearby(index) }))
    const plan = await planDay(world, hub.id, tomorrow())
    routeId = plan.routes[0].id
    now = new Date(Date.parse(window.start) + 5 * MINUTE_MS)
    await expecting(200, world.call('POST', '/v1/driver/route/start', crew.driver.token, {}))
  })
  afterAll(() => world.close())

  const route = async () => {
    const found = await findRoute(world.db, routeId)
    if (found === null) throw new Error('The route is gone')
    return found
  }
  const orderOf = (orderId: string | undefined) => orders.find((order) => order.orderId === orderId)
  const track = async (orderId: string | undefined) =>
    expecting(200, world.call('GET', `/v1/orders/${orderId}/tracking`, orderOf(orderId)?.token))
  const due = () => world.db.query('update routes set etas_at = null')

  it('shows a wider window the more stops are ahead', async () => {
    const { stops } = await route()
    const widths = []
    for (const [index, { orderId }] of stops.entries()) {
      const { eta, stopsAhead } = await track(orderId)
      expect(stopsAhead).toBe(index)
      widths.push(Date.parse(eta.end) - Date.parse(eta.start))
    }
    expect(widths[0]).toBeLessThan(widths[2] ?? 0)
  })

  it('moves with the position of the van', async () => {
    const [next] = (await route()).stops
    if (next === undefined) throw new Error('The route has no stops')
    const before = next.eta
    now = new Date(now.getTime() + 10_000)
    const position = { recordedAt: now.toISOString(), ...nearby(0), accuracyMeters: 5 }
    const { latitude, longitude } = next.address
    const body = { positions: [{ ...position, latitude, longitude }] }
    await expecting(202, world.call('POST', '/v1/driver/positions', crew.driver.token, body))
    await waitFor(async () => (await world.db.query('select from driver_positions')).length > 0, {
      describe: 'the position to be kept',
    })
    await due()
    await refreshEtas(world.ctx)
    const [moved] = (await route()).stops
    expect(moved?.eta.getTime()).toBeLessThan(before.getTime())
    expect(Math.abs((moved?.eta.getTime() ?? 0) - now.getTime())).toBeLessThan(MINUTE_MS)
    const { map, driverPosition } = await track(next.orderId)
    expect(driverPosition).toMatchObject({ latitude, longitude })
    expect(map.destination.latitude).toBe(Math.round(latitude * 1_000) / 1_000)
  })

  it('tells of no delay that nobody would notice', async () => {
    const orderId = (await route()).stops.at(-1)?.orderId ?? ''
    const told = await world.db.transaction(async (tx) => {
      const eta = new Date(Date.parse(window.end) + 9 * MINUTE_MS)
      await tx.query('update stops set eta = $2 where order_id = $1', [orderId, eta])
      await recordDueMessages(world.ctx, tx, [orderId])
      return tx.query(`select 1 from messages where order_id = $1 and kind = 'delayed'`, [orderId])
    })
    expect(told).toEqual([])
  })

  it('tells of a delay, once, when nothing is heard until the window has passed', async () => {
    const { stops, version } = await route()
    const last = stops.at(-1)?.orderId
    const link = await expecting(
      201,
      world.call('POST', `/v1/orders/${last}/tracking-links`, orderOf(last)?.token),
    )
    const stream = await openStream(`${world.url}/v1/tracking/${link.token}/events`, { token: '' })
    await stream.find('the state', ({ data }) => data.stopsAhead === 2 && data.orderId === undefined)
    now = new Date(Date.parse(window.end) + 20 * MINUTE_MS)
    for (const _ of [1, 2]) {
      await due()
      await Promise.all([refreshEtas(world.ctx), refreshEtas(world.ctx)])
    }
    const after = await route()
    for (const { eta } of after.stops) expect(eta.getTime()).toBeGreaterThan(now.getTime())
    // The driver's route is the same; its ETag also names the ETAs.
    expect(after.version).toBe(version)
    await stream.find('the delay', ({ data }) => Date.parse(data.eta.end) > now.getTime() + 10 * MINUTE_MS)
    const told = await world.db.query<{ order_id: string }>(
      `select order_id from messages where kind = 'delayed'`,
    )
    expect(told).toHaveLength(orders.length)
    expect(new Set(told.map(({ order_id }) => order_id))).toEqual(new Set(orders.map((o) => o.orderId)))
    await expecting(
      204,
      world.call('DELETE', `/v1/orders/${last}/tracking-links/${link.id}`, orderOf(last)?.token),
    )
    world.ctx.feed.announce([`order:${last}`])
    await waitFor(() => stream.isEnded(), { describe: 'the stream of a revoked link to end' })
    expect((await world.call('GET', `/v1/tracking/${link.token}/events`)).status).toBe(404)
    expect((await world.call('GET', `/v1/tracking/${link.token}/photo`)).status).toBe(404)
  })

  it('learns how long stops take, once in a night, from what was delivered', async () => {
    const { stops } = await route()
    await world.db.query(
      `update stops set status = 'delivered', arrived_at = $2, completed_at = $2::timestamptz + interval '9 minutes',
         outcome_occurred_at = null where route_id = $1`,
      [routeId, now],
    )
    expect(await learnServiceTimes(world.db, now)).toBe(true)
    expect(await learnServiceTimes(world.db, now)).toBe(false)
    expect(await learnServiceTimes(world.db, new Date(now.getTime() + 24 * 60 * MINUTE_MS))).toBe(true)
    const { hubId } = await route()
    const history = await readServiceHistory(world.db, hubId, stops)
    expect(history.get('*')).toEqual({ class: '*', stops: 3, meanRatio: 3 })
    expect(history.size).toBe(2 + new Set(stops.map(({ address }) => address.latitude)).size)
    expect(await readServiceHistory(world.db, newId(), stops)).toEqual(new Map())
  })
})
