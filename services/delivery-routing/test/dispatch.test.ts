import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createCrew,
  createDriver,
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

const date = tomorrow()

describe('manual control', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world.close())

  let hubs = 0
  /** A planned day with two vans that carry three orders each, and one order more on a van of its own. */
  async function plannedDay(orders = 4, grams = 5_000) {
    hubs += 1
    const at = { latitude: 33 + hubs * 0.3, longitude: -84 }
    const hub = await createHub(world, { ...at, serviceRadiusMeters: 10_000 })
    const crews = [
      await createCrew(world, hub.id, date, { weightGrams: 15_000 }),
      await createCrew(world, hub.id, date, { weightGrams: 15_000 }),
    ]
    const windows = await windowsOf(world, date, at)
    for (let index = 0; index < orders; index += 1) {
      const point = {
        latitude: at.latitude + nearby(index).latitude - 33.7573,
        longitude: at.longitude + nearby(index).longitude + 84.3521,
      }
      await placeOrder(world, windows[2]?.id ?? '', { at: point, weightGrams: grams })
    }
    const plan = await planDay(world, hub.id, date)
    const routes = plan.routes.toSorted((a: any, b: any) => b.stops.length - a.stops.length)
    return { hub, crews, routes, plan: () => planDay(world, hub.id, date) }
  }
  const codeOf = async (answer: ReturnType<World['call']>) => {
    const { status, body } = await answer
    return `${status} ${body.code}`
  }
  const idsOf = (route: { stops: { id: string }[] }) => route.stops.map(({ id }) => id)
  const reorder = (routeId: string, stopIds: string[]) =>
    world.asOps('POST', `/v1/dispatch/routes/${routeId}/reorder`, { stopIds })
  const move = (stopId: string, body: object) =>
    world.asOps('POST', `/v1/dispatch/stops/${stopId}/move`, body)
  const assign = (routeId: string, driverId: string, more: object = {}) =>
    world.asOps('POST', `/v1/dispatch/routes/${routeId}/assign`, { driverId, ...more })

  it('puts stops into an order, with times that follow, and planning again keeps it', async () => {
    const { routes, plan } = await plannedDay()
    const [route] = routes
    const wanted = idsOf(route).toReversed()
    const reordered = await expecting(200, reorder(route.id, wanted))
    expect(idsOf(reordered)).toEqual(wanted)
    expect(reordered.version).toBe(route.version + 1)
    expect(reordered.stops.every((stop: { pinned: boolean }) => stop.pinned)).toBe(true)
    const arrivals = reordered.stops.map(({ plannedArrival }: { plannedArrival: string }) => plannedArrival)
    expect(arrivals.toSorted()).toEqual(arrivals)
    const again = (await plan()).routes.find(({ id }: { id: string }) => id === route.id)
    expect(idsOf(again).slice(0, wanted.length)).toEqual(wanted)
  })

  it('refuses an order that is not of exactly the route’s stops', async () => {
    const { routes } = await plannedDay()
    const [route, other] = routes
    const ids = idsOf(route)
    const stranger = newId()
    expect((await reorder(route.id, ids.slice(1))).body).toMatchObject({
      code: 'stop_set_mismatch',
      missingStopIds: [ids[0]],
      unknownStopIds: [],
    })
    expect((await reorder(route.id, [...ids, stranger])).body).toMatchObject({
      status: 422,
      unknownStopIds: [stranger],
    })
    expect(await codeOf(reorder(route.id, [...ids, ids[0] ?? '']))).toBe('422 stop_set_mismatch')
    expect(await codeOf(reorder(route.id, idsOf(other)))).toBe('422 stop_set_mismatch')
    expect(await codeOf(reorder(route.id, []))).toBe('400 validation_failed')
    expect(await codeOf(reorder(newId(), ids))).toBe('404 route_not_found')
  })

  it('moves a stop to another van, and planning again leaves it there', async () => {
    const { routes, plan } = await plannedDay()
    const [from, to] = routes
    const stopId = from.stops[1].id
    const moved = await expecting(200, move(stopId, { routeId: to.id, position: 1 }))
    expect(idsOf(moved)).toEqual([stopId, ...idsOf(to)])
    expect(moved.stops.map(({ position }: { position: number }) => position)).toEqual(
      moved.stops.map((_: unknown, index: number) => index + 1),
    )
    const after = (await plan()).routes
    const target = after.find(({ id }: { id: string }) => id === to.id)
    expect(idsOf(target)).toContain(stopId)
    const total = after.reduce((sum: number, route: { stops: unknown[] }) => sum + route.stops.length, 0)
    expect(total).toBe(4)
  })

  it('moves a stop within its route', async () => {
    const { routes } = await plannedDay()
    const [route] = routes
    const [first, ...rest] = idsOf(route)
    const moved = await expecting(200, move(first ?? '', { routeId: route.id, position: rest.length + 1 }))
    expect(idsOf(moved)).toEqual([...rest, first])
  })

  it('refuses moves that cannot be', async () => {
    const { routes } = await plannedDay(6)
    const [from, to] = routes
    const stopId = from.stops[0].id
    expect(await codeOf(move(stopId, { routeId: to.id, position: 1 }))).toBe('409 vehicle_over_capacity')
    expect(await codeOf(move(stopId, { routeId: from.id, position: 4 }))).toBe('422 position_out_of_range')
    expect(await codeOf(move(stopId, { routeId: from.id, position: 0 }))).toBe('400 validation_failed')
    expect(await codeOf(move(newId(), { routeId: to.id, position: 1 }))).toBe('404 stop_not_found')
    expect(await codeOf(move(stopId, { routeId: newId(), position: 1 }))).toBe('404 route_not_found')
    const elsewhere = await plannedDay(1)
    expect(await codeOf(move(stopId, { routeId: elsewhere.routes[0].id, position: 1 }))).toBe(
      '422 route_of_other_day',
    )
  })

  it('lets one of two concurrent changes win', async () => {
    const { routes } = await plannedDay()
    const [route] = routes
    const ids = idsOf(route)
    const answers = await Promise.all([
      reorder(route.id, ids.toReversed()),
      reorder(route.id, ids),
      assign(route.id, (await createDriver(world)).id),
    ])
    const codes = answers.map(({ status, body }) => (status === 200 ? 'ok' : body.code))
    expect(codes).toContain('ok')
    expect(codes.every((code) => code === 'ok' || code === 'route_changed')).toBe(true)
    const { items } = await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}`))
    const now = items.find(({ id }: { id: string }) => id === route.id)
    expect(now.version).toBe(route.version + codes.filter((code) => code === 'ok').length)
    expect(idsOf(now).toSorted()).toEqual(ids.toSorted())
  })

  it('undoes no move by another one at the same time', async () => {
    const { routes } = await plannedDay()
    const [from, to] = routes
    const moves = [from.stops[0].id, from.stops[1].id]
    const answers = await Promise.all(moves.map((stopId) => move(stopId, { routeId: to.id, position: 1 })))
    const { items } = await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}`))
    const target = idsOf(items.find(({ id }: { id: string }) => id === to.id))
    for (const [index, { status, body }] of answers.entries()) {
      const outcome = status === 200 ? 'moved' : body.code
      expect(['moved', 'route_changed', 'vehicle_over_capacity']).toContain(outcome)
      expect(target.includes(moves[index] ?? '')).toBe(outcome === 'moved')
    }
    expect(answers.some(({ status }) => status === 200)).toBe(true)
  })

  it('gives a route to another driver, whom planning again keeps', async () => {
    const { routes, crews, plan } = await plannedDay()
    const [route] = routes
    const driver = await createDriver(world)
    expect(await expecting(200, assign(route.id, driver.id))).toMatchObject({ driverId: driver.id })
    expect((await world.call('GET', '/v1/driver/route', driver.token)).body.id).toBe(route.id)
    const former = crews.find((crew) => crew.driver.id === route.driverId)
    expect((await world.call('GET', '/v1/driver/route', former?.driver.token)).status).toBe(404)
    const again = (await plan()).routes.find(({ id }: { id: string }) => id === route.id)
    expect(again.driverId).toBe(driver.id)
    expect(await codeOf(assign(route.id, newId()))).toBe('422 driver_unknown')
    expect(await codeOf(assign(newId(), driver.id))).toBe('404 route_not_found')
  })

  it('refuses a driver who cannot do what the plants need, unless forced', async () => {
    const { routes } = await plannedDay()
    const [route] = routes
    const able = await createDriver(world, { skills: ['upright'] })
    await expecting(200, assign(route.id, able.id))
    const { orderId } = route.stops[0]
    await world.db.query(`update deliveries set transport = '{"upright":true}' where order_id = $1`, [
      orderId,
    ])
    const driver = await createDriver(world)
    const refused = await assign(route.id, driver.id)
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'route_infeasible', violations: [{ code: 'skills_missing', stopId: route.stops[0].id }] },
    })
    await expecting(200, assign(route.id, driver.id, { force: true }))
  })

  it('compares the version of the route that gives the stops, too', async () => {
    const { routes } = await plannedDay()
    const [from, to] = routes
    const stale = { fromVersion: from.version, version: to.version, force: true }
    await expecting(200, assign(from.id, (await createDriver(world)).id))
    const moved = await move(from.stops[0].id, { routeId: to.id, position: 1, ...stale })
    expect(moved.body).toMatchObject({ code: 'route_changed', currentVersion: from.version + 1 })
    const merged = await world.asOps('POST', `/v1/dispatch/routes/${from.id}/merge`, {
      intoRouteId: to.id,
      ...stale,
    })
    expect(merged.body).toMatchObject({ code: 'route_changed', currentVersion: from.version + 1 })
    const fresh = { ...stale, fromVersion: from.version + 1 }
    await expecting(200, move(from.stops[0].id, { routeId: to.id, position: 1, ...fresh }))
  })

  it('leaves a started route alone', async () => {
    const { routes, crews } = await plannedDay()
    const [route, other] = routes
    const crew = crews.find(({ driver }) => driver.id === route.driverId)
    await expecting(200, world.call('POST', '/v1/driver/route/start', crew?.driver.token))
    const stopId = route.stops[0].id
    expect(await codeOf(reorder(route.id, idsOf(route)))).toBe('409 route_started')
    expect(await codeOf(assign(route.id, other.driverId))).toBe('409 route_started')
    expect(await codeOf(move(stopId, { routeId: other.id, position: 1 }))).toBe('409 route_started')
    expect(await codeOf(move(other.stops[0].id, { routeId: route.id, position: 1 }))).toBe(
      '409 route_started',
    )
  })

  it('is for ops alone', async () => {
    const paths = [
      ['POST', `/v1/dispatch/routes/${newId()}/assign`, { driverId: newId() }],
      ['POST', `/v1/dispatch/routes/${newId()}/reorder`, { stopIds: [newId()] }],
      ['POST', `/v1/dispatch/stops/${newId()}/move`, { routeId: newId(), position: 1 }],
      ['GET', `/v1/dispatch/routes?date=${date}`, undefined],
      ['GET', `/v1/dispatch/plans/${newId()}`, undefined],
      ['GET', '/v1/drivers/locations', undefined],
    ] as const
    for (const [method, path, body] of paths) {
      expect(await codeOf(world.call(method, path, undefined, body))).toBe('401 access_token_required')
      for (const role of ['customer', 'driver'] as const) {
        const token = world.tokenFor(newId(), role)
        expect(await codeOf(world.call(method, path, token, body))).toBe('403 role_required')
      }
    }
  })
})
