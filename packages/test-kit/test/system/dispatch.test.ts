import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectPages, expectProblem, openApi } from './api-client.ts'
import { buyPlants, openHeavyShop, planDay } from './planned-day.ts'

const unknownId = '01900000-0000-7000-8000-00000000dead'

type Route = {
  id: string
  driverId: string
  stops: { id: string; orderId: string; position: number; pinned: boolean }[]
}

let system: System
let api: Api
let shop: Awaited<ReturnType<typeof openHeavyShop>>
let ops: Caller

beforeAll(async () => {
  system = await startSystem()
  api = await openApi(system.gatewayUrl)
  shop = await openHeavyShop(system, api)
  ops = api.as(shop.ops)
})
afterAll(() => system?.close())

const stopsOf = (route: Route) => route.stops.map(({ id }) => id)

async function expectRefusals(path: string, good: object, refusals: [object, number, string][]) {
  for (const [change, status, code] of refusals) {
    expectProblem(await ops.post(path, { ...good, ...change }), status, code)
  }
}

test('hubs, vehicles, drivers and shifts are made and listed', async () => {
  const hub = { ...inmanPark, name: 'Decatur', latitude: 34.9, longitude: -83.3 }
  const made = bodyOf(201, await ops.post('/v1/hubs', hub))
  expect(made).toMatchObject({ id: expect.any(String), ...hub })
  await expectRefusals('/v1/hubs', hub, [
    [{ timeZone: 'Mars/Olympus' }, 400, 'validation_failed'],
    [{ latitude: 91 }, 400, 'validation_failed'],
    [{ serviceRadiusMeters: '8000' }, 400, 'validation_failed'],
    [{ colour: 'green' }, 400, 'validation_failed'],
  ])

  const capacity = { weightGrams: 1_000, volumeMilliliters: 1_000 }
  const vehicle = { hubId: made.id, name: 'Bike', capacity, skills: ['stairs'] }
  const bike = bodyOf(201, await ops.post('/v1/vehicles', vehicle))
  expect(bike).toMatchObject({ id: expect.any(String), ...vehicle })
  await expectRefusals('/v1/vehicles', vehicle, [
    [{ hubId: unknownId }, 422, 'hub_unknown'],
    [{ capacity: { weightGrams: 1 } }, 400, 'validation_failed'],
    [{ capacity: { ...capacity, length: 1 } }, 400, 'validation_failed'],
  ])

  const person = {
    name: 'Dana',
    password: 'a-long-enough-password',
    phone: '+1 404 555 0100',
    skills: ['stairs'],
  }
  const driver = { ...person, email: `${crypto.randomUUID()}@urbanbloom.test` }
  const hired = bodyOf(201, await ops.post('/v1/drivers', driver))
  const { password, ...shown } = driver
  expect(hired).toMatchObject({ id: expect.any(String), ...shown })
  expect(JSON.stringify(hired)).not.toContain(password)
  const account = await api.as().post('/v1/auth/login', { email: driver.email, password })
  expect(bodyOf(200, account).user).toMatchObject({ id: hired.id, role: 'driver' })
  await expectRefusals('/v1/drivers', driver, [
    [{}, 409, 'email_taken'],
    [{ email: 'nonsense' }, 400, 'validation_failed'],
    [{ password: 'short' }, 400, 'validation_failed'],
    [{ role: 'ops' }, 400, 'validation_failed'],
  ])

  const { start, end } = shop.shift
  const pause = { earliest: start, latest: start, durationSeconds: 1_800 }
  const shift = { ...shop.shift, driverId: hired.id, vehicleId: unknownId, breaks: [pause] }
  await expectRefusals('/v1/shifts', shift, [
    [{}, 422, 'vehicle_unknown'],
    [{ driverId: unknownId, vehicleId: shop.vehicle.id }, 422, 'driver_unknown'],
    [{ vehicleId: shop.vehicle.id }, 409, 'vehicle_busy'],
    [{ driverId: shop.driver.id }, 409, 'driver_busy'],
    [{ start: end, end: start }, 400, 'validation_failed'],
    [{ breaks: [{ ...pause, latest: end }] }, 400, 'validation_failed'],
  ])
  const worked = { ...shift, vehicleId: bike.id, hubId: made.id }
  expect(bodyOf(201, await ops.post('/v1/shifts', worked))).toMatchObject({
    id: expect.any(String),
    ...worked,
  })
  for (const list of ['/v1/hubs', '/v1/vehicles', '/v1/drivers', '/v1/shifts']) await expectPages(ops, list)
})

test('a day is planned, read, corrected by hand, and planned again without losing the corrections', async () => {
  const orders = await buyPlants(system, shop, 5)
  const asked = { hubId: shop.hub.id, date: shop.date }
  expect(bodyOf(202, await ops.post('/v1/dispatch/plans', asked))).toMatchObject({
    ...asked,
    status: expect.stringMatching(/^(queued|running|done)$/),
    routes: expect.any(Array),
    unassigned: expect.any(Array),
  })
  const plan = await planDay(api, shop)
  expect(plan).toMatchObject({ ...asked, status: 'done' })
  // Two vans take two plants each.
  expect(plan.routes.map(({ stops }: Route) => stops.length)).toEqual([2, 2])
  expect(plan.unassigned).toEqual([{ orderId: expect.any(String), reason: expect.stringMatching(/\w/) }])
  for (const { driverId, vehicleId, stops, distanceMeters, durationSeconds } of plan.routes) {
    expect([shop.driver.id, shop.secondDriver.id]).toContain(driverId)
    expect([shop.vehicle.id, shop.shift.vehicleId]).toContain(vehicleId)
    expect(distanceMeters).toBeGreaterThan(0)
    expect(durationSeconds).toBeGreaterThan(0)
    expect(stops.map(({ position }: { position: number }) => position)).toEqual([1, 2])
    for (const stop of stops) expect(orders).toContain(stop.orderId)
  }
  const day = `/v1/dispatch/routes?date=${shop.date}`
  expect(bodyOf(200, await ops.get(`${day}&hubId=${shop.hub.id}`)).items).toEqual(plan.routes)
  expect(bodyOf(200, await ops.get(`${day}&hubId=${unknownId}`)).items).toEqual([])
  await expectPages(ops, day)

  const [first, second]: Route[] = plan.routes
  const reversed = stopsOf(first!).toReversed()
  const reordered = bodyOf(
    200,
    await ops.post(`/v1/dispatch/routes/${first!.id}/reorder`, { stopIds: reversed }),
  )
  expect(stopsOf(reordered)).toEqual(reversed)
  expect(reordered.stops.every(({ pinned }: { pinned: boolean }) => pinned)).toBe(true)
  await refuseReordering(first!, second!)
  await moveOneStop(reordered, second!)
  await assignDrivers(first!)

  const replanned = await planDay(api, shop)
  const kept = replanned.routes.find(({ driverId }: Route) => driverId === first!.driverId)
  expect(stopsOf(kept)).toEqual(reversed)
})

async function refuseReordering(route: Route, other: Route) {
  const path = `/v1/dispatch/routes/${route.id}/reorder`
  for (const stopIds of [stopsOf(route).slice(1), stopsOf(other), [...stopsOf(route), ...stopsOf(route)]]) {
    expectProblem(await ops.post(path, { stopIds }), 422, 'stop_set_mismatch')
  }
  for (const body of [{}, { stopIds: [] }, { stopIds: ['1'] }, { stopIds: stopsOf(route), extra: 1 }]) {
    expectProblem(await ops.post(path, body), 400, 'validation_failed')
  }
  const elsewhere = `/v1/dispatch/routes/${unknownId}/reorder`
  expectProblem(await ops.post(elsewhere, { stopIds: stopsOf(route) }), 404, 'route_not_found')
}

/** Within its route a stop moves freely; the other van is full. */
async function moveOneStop(route: Route, other: Route) {
  const [head] = stopsOf(route)
  const move = (stopId: string | undefined, body: object) =>
    ops.post(`/v1/dispatch/stops/${stopId}/move`, body)
  const moved = bodyOf(200, await move(head, { routeId: route.id, position: 2 }))
  expect(stopsOf(moved)).toEqual(stopsOf(route).toReversed())
  bodyOf(200, await move(head, { routeId: route.id, position: 1 }))
  expectProblem(await move(head, { routeId: other.id, position: 1 }), 409, 'vehicle_over_capacity')
  expectProblem(await move(head, { routeId: route.id, position: 9 }), 422, 'position_out_of_range')
  expectProblem(await move(head, { routeId: unknownId, position: 1 }), 404, 'route_not_found')
  expectProblem(await move(unknownId, { routeId: route.id, position: 1 }), 404, 'stop_not_found')
  expectProblem(await move(head, { routeId: route.id, position: 0 }), 400, 'validation_failed')
}

async function assignDrivers(route: Route) {
  const assign = (driverId: unknown) => ops.post(`/v1/dispatch/routes/${route.id}/assign`, { driverId })
  const { secondDriver } = shop
  expect(bodyOf(200, await assign(secondDriver.id))).toMatchObject({ driverId: secondDriver.id })
  expect(bodyOf(200, await assign(route.driverId))).toMatchObject({ driverId: route.driverId })
  expectProblem(await assign(unknownId), 422, 'driver_unknown')
  expectProblem(await assign('Dana'), 400, 'validation_failed')
  const elsewhere = `/v1/dispatch/routes/${unknownId}/assign`
  expectProblem(await ops.post(elsewhere, { driverId: route.driverId }), 404, 'route_not_found')
}

test('plans that cannot be are refused', async () => {
  const asked = { hubId: shop.hub.id, date: shop.date }
  await expectRefusals('/v1/dispatch/plans', asked, [
    [{ hubId: unknownId }, 422, 'hub_unknown'],
    [{ date: '2025-01-01' }, 422, 'date_passed'],
    [{ date: 'tomorrow' }, 400, 'validation_failed'],
    [{ driver: 'all' }, 400, 'validation_failed'],
  ])
  expectProblem(await ops.get(`/v1/dispatch/plans/${unknownId}`), 404, 'plan_not_found')
  expectProblem(await ops.get('/v1/dispatch/routes'), 400, 'validation_failed')
  expectProblem(await ops.get('/v1/dispatch/routes?date=tomorrow'), 400, 'validation_failed')
})
