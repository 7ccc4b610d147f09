import { openStream } from '@urbanbloom/test-kit/event-stream'
import { registerCustomer } from '@urbanbloom/test-kit/people'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectPages, expectProblem, openApi } from './api-client.ts'
import { buyPlants, openHeavyShop, planDay } from './planned-day.ts'

let system: System
let api: Api
let shop: Awaited<ReturnType<typeof openHeavyShop>>
let driver: Caller
let otherDriver: Caller
let customer: Caller
/** Of the driver's route, in its order. */
let stops: { id: string; orderId: string }[]

beforeAll(async () => {
  system = await startSystem()
  api = await openApi(system.gatewayUrl)
  shop = await openHeavyShop(system, api)
  driver = api.as(shop.driver)
  otherDriver = api.as(shop.secondDriver)
  customer = api.as(shop.customer)
})
afterAll(() => system?.close())

const proof = { kind: 'code', code: '4711' }
const at = (stop: number, action: string) => `/v1/driver/stops/${stops[stop]!.id}/${action}`
const tracking = (stop: number) => `/v1/orders/${stops[stop]!.orderId}/tracking`

/** A position that can be true. */
const here = (changes: object = {}) => ({
  recordedAt: new Date().toISOString(),
  latitude: 33.757,
  longitude: -84.355,
  accuracyMeters: 8,
  speedMps: 7.5,
  headingDegrees: 90,
  ...changes,
})

test('a driver reads the route, and its changes come as events', async () => {
  expectProblem(await driver.get('/v1/driver/route'), 404, 'no_route')
  expectProblem(await driver.post('/v1/driver/route/start'), 404, 'no_route')
  const events = await openStream(`${system.gatewayUrl}/v1/driver/route/events`, { token: shop.driver.token })
  expect(events.status).toBe(200)
  expect(events.headers.get('content-type')).toContain('text/event-stream')
  expect(events.headers.get('x-request-id')).toBeTruthy()
  await events.find('the greeting', ({ event }) => event === 'ready')
  await buyPlants(system, shop, 4)
  await planDay(api, shop)
  const planned = await events.find('the plan', ({ event }) => event === 'route.planned')
  await events.close()

  const route = await driver.get('/v1/driver/route')
  stops = bodyOf(200, route).stops
  expect(stops).toHaveLength(2)
  for (const [index, stop] of stops.entries()) {
    expect(stop).toMatchObject({
      position: index + 1,
      address: { line1: expect.any(String), latitude: expect.any(Number), longitude: expect.any(Number) },
      window: { start: shop.window.start, end: shop.window.end },
      plannedArrival: expect.stringMatching(/Z$/),
      eta: expect.stringMatching(/Z$/),
      parcels: expect.any(Number),
      instructions: null,
    })
  }
  const unchanged = { 'if-none-match': route.headers.etag! }
  expect(await driver.get('/v1/driver/route', unchanged)).toMatchObject({ status: 304, body: '' })
  for (const action of ['arrive', 'deliver', 'fail']) {
    const body = { arrive: {}, deliver: { proof }, fail: { reason: 'nobody_home' } }[action]
    expectProblem(await driver.post(at(0, action), body), 409, 'route_not_started')
  }
  const started = bodyOf(200, await driver.post('/v1/driver/route/start'))
  expect(started).toMatchObject({ status: 'started', startedAt: expect.stringMatching(/Z$/) })
  expect(bodyOf(200, await driver.post('/v1/driver/route/start'))).toEqual(started)
  bodyOf(200, await driver.get('/v1/driver/route', unchanged))

  const url = `${system.gatewayUrl}/v1/driver/route/events`
  const resumed = await openStream(url, { token: shop.driver.token, lastEventId: planned.id! })
  await resumed.find('what came after', ({ event }) => event === 'route.started')
  expect(resumed.events.map(({ event }) => event)).toEqual(['ready', 'route.started'])
  await resumed.close()
})

test('what is loaded is locked: ops cannot change the route, the customer cannot cancel', async () => {
  const ops = api.as(shop.ops)
  const { id } = bodyOf(200, await driver.get('/v1/driver/route'))
  const route = `/v1/dispatch/routes/${id}`
  const stopIds = stops.map((stop) => stop.id)
  expectProblem(await ops.post(`${route}/reorder`, { stopIds }), 409, 'route_started')
  expectProblem(await ops.post(`${route}/assign`, { driverId: shop.driver.id }), 409, 'route_started')
  const move = await ops.post(`/v1/dispatch/stops/${stopIds[0]}/move`, { routeId: id, position: 1 })
  expectProblem(move, 409, 'route_started')
  const cancelling = await customer.post(`/v1/orders/${stops[0]!.orderId}/cancel`)
  expectProblem(cancelling, 409, 'order_not_cancellable')
})

test('positions are taken in batches, and ops sees the last of each driver', async () => {
  const positions = [here(), here({ recordedAt: '2020-01-01T00:00:00Z' })]
  const answer = await driver.post('/v1/driver/positions', { positions })
  expect(bodyOf(202, answer)).toEqual({ accepted: 1, ignored: 1 })
  bodyOf(202, await otherDriver.post('/v1/driver/positions', { positions: [here()] }))
  for (const change of [{ latitude: 91 }, { accuracyMeters: -1 }, { recordedAt: 'now' }, { altitude: 3 }]) {
    const refused = await driver.post('/v1/driver/positions', { positions: [here(change)] })
    expectProblem(refused, 400, 'validation_failed')
  }
  const ops = api.as(shop.ops)
  const { items } = bodyOf(200, await ops.get('/v1/drivers/locations'))
  expect(items.map(({ driverId }: { driverId: string }) => driverId)).toContain(shop.driver.id)
  expect(items[0]).toMatchObject({
    latitude: expect.any(Number),
    longitude: expect.any(Number),
    recordedAt: expect.any(String),
  })
  await expectPages(ops, '/v1/drivers/locations', 'driverId')
})

test('only the next customer sees the van; a shared link shows the same without the person', async () => {
  const next = bodyOf(200, await customer.get(tracking(0)))
  expect(next).toMatchObject({
    orderId: stops[0]!.orderId,
    status: 'out_for_delivery',
    eta: { start: expect.stringMatching(/Z$/), end: expect.stringMatching(/Z$/) },
    stopsAhead: 0,
    driverPosition: { latitude: 33.757, longitude: -84.355, recordedAt: expect.any(String) },
  })
  expect(bodyOf(200, await customer.get(tracking(1)))).toMatchObject({ stopsAhead: 1, driverPosition: null })

  const link = bodyOf(201, await customer.post(`${tracking(0)}-links`))
  expect(Date.parse(link.expiresAt)).toBeGreaterThan(Date.now())
  expect(new URL(link.url).pathname).toBe(`/v1/tracking/${link.token}`)
  const shared = bodyOf(200, await api.as().get(`/v1/tracking/${link.token}`))
  expect(shared).toMatchObject({ status: 'out_for_delivery', stopsAhead: 0 })
  expect(JSON.stringify(shared)).not.toContain('Edgewood')
  expectProblem(await api.as().get('/v1/tracking/made-up'), 404, 'tracking_link_not_found')
})

test('to everybody else an order, its tracking and its stops do not exist', async () => {
  const stranger = api.as(await registerCustomer(system))
  const product = { productId: shop.plant.id, quantity: 1 }
  const bodies: Record<string, object> = {
    claims: { reason: 'Broken', items: [product] },
    'payment-action': { outcome: 'approve' },
    handover: {},
  }
  // Those with a further parameter need a thing of the order; who-may.test.ts has them.
  const calls = api.operations.filter(({ path }) => /^\/v1\/orders\/\{id\}[^{]*$/.test(path))
  expect(calls.length).toBeGreaterThanOrEqual(7)
  for (const { method, path } of calls) {
    const url = path.replace('{id}', stops[0]!.orderId)
    const body = bodies[path.split('/').at(-1) ?? '']
    const answer = await (method === 'GET' ? stranger.get(url) : stranger.post(url, body))
    expectProblem(answer, 404, 'order_not_found')
  }
  expectProblem(await otherDriver.post(at(0, 'arrive')), 404, 'stop_not_found')
  expectProblem(await otherDriver.post(at(0, 'deliver'), { proof }), 404, 'stop_not_found')
  expectProblem(await otherDriver.post(at(0, 'fail'), { reason: 'x' }), 404, 'stop_not_found')
})

test('a stop is delivered once, and its customer is told', async () => {
  const url = `${system.gatewayUrl}${tracking(0)}/events`
  const events = await openStream(url, { token: shop.customer.token })
  await events.find('the state at once', ({ data }) => data.status === 'out_for_delivery')
  const arrived = bodyOf(200, await driver.post(at(0, 'arrive')))
  expect(arrived).toMatchObject({ id: stops[0]!.id, status: 'arrived', arrivedAt: expect.any(String) })
  const bad = [
    {},
    { kind: 'word' },
    { kind: 'code' },
    { kind: 'photo' },
    { kind: 'photo', data: '!' },
    { ...proof, x: 1 },
  ]
  for (const wrong of bad) {
    expectProblem(await driver.post(at(0, 'deliver'), { proof: wrong }), 400, 'validation_failed')
  }
  expectProblem(await driver.post(at(0, 'deliver'), {}), 400, 'validation_failed')
  const script = { kind: 'photo', data: btoa('<script>') }
  expectProblem(await driver.post(at(0, 'deliver'), { proof: script }), 415, 'image_expected')
  const photo = { kind: 'photo', data: btoa('\xff\xd8\xff\xe0 a small picture') }
  const delivered = bodyOf(200, await driver.post(at(0, 'deliver'), { proof: photo }))
  expect(delivered).toMatchObject({
    status: 'delivered',
    proof: { kind: 'photo', fileId: expect.any(String) },
  })
  expect(bodyOf(200, await driver.post(at(0, 'deliver'), { proof: photo }))).toEqual(delivered)
  expect(bodyOf(200, await driver.post(at(0, 'arrive')))).toEqual(arrived)
  expectProblem(await driver.post(at(0, 'fail'), { reason: 'x' }), 409, 'stop_outcome_conflict')
  await events.find('the delivery', ({ data }) => data.status === 'delivered')
  await events.close()
  await waitFor(
    async () => (await customer.get(`/v1/orders/${stops[0]!.orderId}`)).body.status === 'delivered',
    { describe: 'the order is delivered' },
  )
})

test('what was recorded without signal converges, out of order, twice, and with a contradiction', async () => {
  const [done, open] = stops
  const event = (clientEventId: string, type: string, stop: { id: string }, more: object = {}) => ({
    clientEventId,
    type,
    stopId: stop.id,
    occurredAt: new Date().toISOString(),
    ...more,
  })
  const arrival = event('b', 'arrive', open!, { occurredAt: new Date(Date.now() - 60_000).toISOString() })
  const events = [
    event('c', 'fail', open!, { reason: 'nobody_home' }),
    arrival,
    event('a', 'fail', done!, { reason: 'nobody_home' }),
    event('d', 'arrive', { id: shop.plant.id }),
  ]
  const first = bodyOf(200, await driver.post('/v1/driver/sync', { events, positions: [here()] }))
  expect(first).toEqual({
    results: [
      { clientEventId: 'c', status: 'applied' },
      { clientEventId: 'b', status: 'applied' },
      { clientEventId: 'a', status: 'rejected', code: 'stop_outcome_conflict', detail: expect.any(String) },
      { clientEventId: 'd', status: 'rejected', code: 'stop_not_found', detail: expect.any(String) },
    ],
    positions: { accepted: 1, ignored: 0 },
  })
  const again = bodyOf(
    200,
    await driver.post('/v1/driver/sync', { events: events.toReversed(), positions: [] }),
  )
  expect(again.results).toEqual(first.results.toReversed())
  for (const body of [
    { events: [{ ...arrival, type: 'dance' }] },
    { events: [{ ...arrival, x: 1 }] },
    { x: 1 },
  ]) {
    expectProblem(await driver.post('/v1/driver/sync', body), 400, 'validation_failed')
  }
  await waitFor(
    async () => (await customer.get(`/v1/orders/${open!.orderId}`)).body.status === 'delivery_failed',
    { describe: 'the order is failed' },
  )
  expect(bodyOf(200, await customer.get(tracking(1)))).toMatchObject({ status: 'delivery_failed' })
})
