import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refreshEtas } from '../src/eta/refresh-etas.ts'
import {
  createCrew,
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

const VANS = 2
const ORDERS = 64
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const PING_EVERY_MS = 4 * MINUTE_MS

let world: World
let now = new Date()
beforeAll(async () => {
  world = await createWorld({ env: { PLAN_TIME_LIMIT_MS: '500' }, overrides: { now: () => now } })
})
afterAll(() => world.close())

/** Numbers that look random and are the same every time. */
function randomFrom(seed: string) {
  let counter = 0
  const uniform = () => {
    counter += 1
    return createHash('sha256').update(`${seed} ${counter}`).digest().readUInt32BE() / 2 ** 32
  }
  /** Mean 1, with the given deviation of its logarithm. */
  const factor = (sigma: number) => {
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
    return Math.exp(sigma * normal - sigma ** 2 / 2)
  }
  return { uniform, factor }
}

type Place = { latitude: number; longitude: number }
type Stop = Place & { id: string; orderId: string; leg: number; service: number; opens: Date }
type Action = { at: number; run: () => Promise<unknown> }
type Order = { orderId: string; token: string }
/** When the van came, and what its customer was shown an hour before. */
type Shown = { arrival: number; start: number; end: number }

const stopsOf = (driverId: string) =>
  world.db.query<Stop>(
    `select s.id, s.order_id as "orderId", s.leg_seconds as leg, s.service_seconds as service, w.starts_at as opens,
            (d.address->>'latitude')::float8 as latitude, (d.address->>'longitude')::float8 as longitude
     from stops s join routes r on r.id = s.route_id join deliveries d on d.order_id = s.order_id
     join delivery_windows w on w.id = d.window_id
     where r.driver_id = $1 and s.status = 'pending' order by s.position`,
    [driverId],
  )

/** What a driver does on a day with the noise of a town, and what the customers look at meanwhile. */
function drive(
  { driver, startsAt, stops }: { driver: { id: string; token: string }; startsAt: Date; stops: Stop[] },
  random: ReturnType<typeof randomFrom>,
  look: (stop: Stop, arrival: number) => Promise<void>,
): Action[] {
  const post = (path: string, body: object) =>
    expecting(path === 'positions' ? 202 : 200, world.call('POST', `/v1/driver/${path}`, driver.token, body))
  const pace = random.factor(0.1)
  let clock = startsAt.getTime() + random.uniform() * 8 * MINUTE_MS
  let place: Place = inmanPark
  const actions: Action[] = [{ at: clock, run: () => post('route/start', {}) }]
  for (const stop of stops) {
    const from = place
    const left = clock
    clock += stop.leg * 1_000 * pace * random.factor(0.25)
    for (let at = left + PING_EVERY_MS; at < clock; at += PING_EVERY_MS) {
      const share = (at - left) / (clock - left)
      const latitude = from.latitude + (stop.latitude - from.latitude) * share
      const longitude = from.longitude + (stop.longitude - from.longitude) * share
      const position = { recordedAt: new Date(at).toISOString(), latitude, longitude, accuracyMeters: 8 }
      actions.push({ at, run: () => post('positions', { positions: [position] }) })
    }
    const arrival = Math.max(clock, stop.opens.getTime())
    // Whoever waits for the window is right on time, which proves nothing.
    if (arrival === clock) actions.push({ at: arrival - HOUR_MS, run: () => look(stop, arrival) })
    actions.push({ at: arrival, run: () => post(`stops/${stop.id}/arrive`, {}) })
    clock = arrival + stop.service * 1_000 * random.factor(0.5)
    const proof = { kind: 'signature', name: 'Casey' }
    actions.push({ at: clock, run: () => post(`stops/${stop.id}/deliver`, { proof }) })
    place = stop
  }
  return actions
}

it('what customers read an hour before holds, through plans, phones and the API', {
  timeout: 120_000,
}, async () => {
  const date = tomorrow()
  const hub = await createHub(world)
  const crews = []
  for (let van = 0; van < VANS; van += 1) crews.push(await createCrew(world, hub.id, date))
  // Close after each other, so that hardly any van waits for a window to open.
  const windows = (await windowsOf(world, date)).slice(1, 3)
  const orders = new Map<string, Order>()
  for (let index = 0; index < ORDERS; index += 1) {
    const window = windows[index % windows.length]
    const order = await placeOrder(world, window?.id ?? '', { at: nearby(index) })
    orders.set(order.orderId, order)
  }
  await planDay(world, hub.id, date)

  const shown: Shown[] = []
  const look = async ({ orderId }: Stop, arrival: number) => {
    // As the recurring job does, by another clock.
    await world.db.query(`update routes set etas_at = null where status = 'started'`)
    await refreshEtas(world.ctx)
    const token = orders.get(orderId)?.token
    const { eta } = await expecting(200, world.call('GET', `/v1/orders/${orderId}/tracking`, token))
    shown.push({ arrival, start: Date.parse(eta.start), end: Date.parse(eta.end) })
  }
  const traffic = randomFrom('the traffic of the day')
  const actions: Action[] = []
  for (const [van, { driver }] of crews.entries()) {
    const [route] = await world.db.query<{ startsAt: Date }>(
      `select starts_at as "startsAt" from routes where driver_id = $1 and status = 'planned'`,
      [driver.id],
    )
    if (route === undefined) continue
    const day = { driver, startsAt: route.startsAt, stops: await stopsOf(driver.id) }
    actions.push(...drive(day, { ...randomFrom(`van ${van}`), factor: traffic.factor }, look))
  }
  for (const { at, run } of actions.toSorted((a, b) => a.at - b.at)) {
    now = new Date(at)
    await run()
  }

  expect(shown.length).toBeGreaterThan(ORDERS / 2)
  const held = shown.filter(({ arrival, start, end }) => start <= arrival && arrival <= end).length
  const minutes = shown.reduce((sum, { start, end }) => sum + (end - start), 0) / shown.length / MINUTE_MS
  expect(held / shown.length).toBeGreaterThanOrEqual(0.9)
  expect(minutes).toBeLessThan(60)
})
