import { openStream } from '@urbanbloom/test-kit/event-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refreshEtas } from '../src/eta/refresh-etas.ts'
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
const STEP_MS = 30_000

describe('a van that is held up a little longer every half minute', () => {
  let world: World
  let now = new Date()
  let crew: Awaited<ReturnType<typeof createCrew>>
  let windowEnd: number
  const orders: Awaited<ReturnType<typeof placeOrder>>[] = []
  beforeAll(async () => {
    world = await createWorld({ overrides: { now: () => now } })
    const hub = await createHub(world)
    const window = (await windowsOf(world, tomorrow()))[2]
    if (window === undefined) throw new Error('There is no window')
    windowEnd = Date.parse(window.end)
    crew = await createCrew(world, hub.id, tomorrow())
    for (const index of [0, 1, 2]) orders.push(await placeOrder(world, window.id, { at: nearby(index) }))
    await planDay(world, hub.id, tomorrow())
    now = new Date(Date.parse(window.start) + 5 * MINUTE_MS)
    await expecting(200, world.call('POST', '/v1/driver/route/start', crew.driver.token, {}))
    now = new Date(windowEnd - 20 * MINUTE_MS)
    await refresh()
  })
  afterAll(() => world.close())

  async function refresh() {
    await world.db.query('update routes set etas_at = null')
    await refreshEtas(world.ctx)
  }
  const delayed = async () => {
    const rows = await world.db.query<{ order_id: string }>(
      `select order_id from messages where kind = 'delayed'`,
    )
    return rows.map(({ order_id }) => order_id)
  }
  const changesTold = async () => {
    const [row] = await world.db.query<{ count: number }>(
      `select count(*)::int as count from route_events where type = 'delivery.eta'`,
    )
    return row?.count ?? 0
  }
  const readRoute = (etag?: string) =>
    fetch(`${world.url}/v1/driver/route`, {
      headers: {
        authorization: `Bearer ${crew.driver.token}`,
        ...(etag !== undefined && { 'if-none-match': etag }),
      },
    })

  it('is told as it slips, and as a delay in the end, each customer once', async () => {
    const [order] = orders
    const stream = await openStream(`${world.url}/v1/orders/${order?.orderId}/tracking/events`, {
      token: order?.token ?? '',
    })
    await stream.find('the state', ({ event }) => event === 'tracking')
    expect(await delayed()).toEqual([])
    const before = await changesTold()
    const minutes = 40
    for (let step = 0; step < minutes * 2; step += 1) {
      now = new Date(now.getTime() + STEP_MS)
      await refresh()
    }
    expect((await delayed()).toSorted()).toEqual(orders.map(({ orderId }) => orderId).toSorted())
    const told = (await changesTold()) - before
    // Every two minutes, and not every half.
    expect(told).toBeGreaterThanOrEqual((minutes / 2 - 2) * orders.length)
    expect(told).toBeLessThanOrEqual((minutes / 2 + 2) * orders.length)
    await stream.find('the delay', ({ data }) => Date.parse(data.eta.end) > windowEnd + 20 * MINUTE_MS)
    await stream.close()
  })

  it('changes the ETag of the driver’s route by the minute, and by less not', async () => {
    const first = await readRoute()
    const etag = first.headers.get('etag') ?? ''
    const before = (await first.json()) as any
    await refresh()
    expect((await readRoute(etag)).status).toBe(304)
    now = new Date(now.getTime() + 3 * 60 * MINUTE_MS)
    await refresh()
    const after = await readRoute(etag)
    expect(after.status).toBe(200)
    const { version, stops } = (await after.json()) as any
    expect(version).toBe(before.version)
    for (const [index, { eta }] of stops.entries()) {
      expect(Date.parse(eta) - Date.parse(before.stops[index].eta)).toBeGreaterThan(150 * MINUTE_MS)
    }
    expect((await readRoute(after.headers.get('etag') ?? '')).status).toBe(304)
  })
})
