import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, createDay, createDayWorld, date, settled } from './day-world.ts'
import { expecting, type World } from './world.ts'

type Stop = { id: string; orderId: string; pinned: boolean; lateSeconds: number }
type Route = { id: string; version: number; driverId: string; stops: Stop[] }

let world: World
beforeAll(async () => {
  ;({ world } = await createDayWorld())
})
afterAll(() => world.close())

const idsOf = ({ stops }: Route) => stops.map(({ id }) => id)
const change = (path: string, body?: object, headers?: Record<string, string>) =>
  request('POST', `${world.url}/v1/dispatch/${path}`, { token: world.ops, body, headers })

/** One van with an early and a late stop, and another van that stays at the hub. */
async function twoWindows() {
  const day = await createDay(world, { crews: 2 })
  await day.order(0, 0)
  await day.order(1, 1)
  const { routes } = await day.plan()
  const route: Route = routes[0]
  const idle = day.crews.find(({ driver }) => driver.id !== route.driverId)!
  return { ...day, route, idle }
}

describe('an order of stops that cannot be', () => {
  it('is refused with the stop and the reason, or done by force and shown as late', async () => {
    const { route } = await twoWindows()
    const stopIds = idsOf(route).toReversed()
    const refused = await change(`routes/${route.id}/reorder`, { stopIds })
    expect([refused.status, refused.body.code]).toEqual([422, 'route_infeasible'])
    expect(refused.body.violations).toMatchObject([
      { code: 'window_missed', stopId: stopIds[1], amount: expect.any(Number) },
    ])
    expect(refused.body.detail).toMatch(/minutes? after its window/)
    const forced: Route = await expecting(200, change(`routes/${route.id}/reorder`, { stopIds, force: true }))
    expect(idsOf(forced)).toEqual(stopIds)
    expect(forced.stops[1]!.lateSeconds).toBeGreaterThan(60)
    expect(forced.stops[0]!.lateSeconds).toBe(0)
    // What is late already is no reason to refuse another change.
    await expecting(200, change(`routes/${route.id}/reorder`, { stopIds }))
  })

  it('says when a van lacks what plants need', async () => {
    const day = await createDay(world, { crews: 1 })
    await day.order(0, 1)
    const { routes } = await day.plan()
    const tall = await day.order(1, 1)
    await day.needs(tall.orderId, { upright: true })
    const body = { routeId: routes[0].id, position: 1 }
    const refused = await change(`deliveries/${tall.orderId}/place`, body)
    expect([refused.status, refused.body.violations?.[0]?.code]).toEqual([422, 'skills_missing'])
    const forced: Route = await expecting(
      200,
      change(`deliveries/${tall.orderId}/place`, { ...body, force: true }),
    )
    expect(forced.stops[0]).toMatchObject({ orderId: tall.orderId, pinned: true })
    expect(await codeOf(change(`deliveries/${tall.orderId}/place`, body))).toBe('409 delivery_not_plannable')
    expect(await codeOf(change(`deliveries/${newId()}/place`, body))).toBe('404 delivery_not_found')
  })
})

describe('two dispatchers at once', () => {
  it('the second gets the route as it is by now, by the body and by If-Match', async () => {
    const { route } = await twoWindows()
    const stopIds = idsOf(route)
    const seen = await world.call('GET', `/v1/dispatch/routes/${route.id}`, world.ops)
    expect(seen.headers.etag).toBe(`"${route.version}"`)
    const first: Route = await expecting(
      200,
      change(`routes/${route.id}/reorder`, { stopIds, version: route.version }),
    )
    const second = await change(`routes/${route.id}/reorder`, { stopIds, version: route.version })
    expect(second).toMatchObject({
      status: 409,
      body: {
        code: 'route_changed',
        currentVersion: first.version,
        route: { id: route.id, version: first.version },
      },
    })
    const stale = { 'if-match': seen.headers.etag ?? '' }
    for (const [path, body] of [
      [`routes/${route.id}/assign`, { driverId: route.driverId }],
      [`routes/${route.id}/unpin`, {}],
      [`stops/${stopIds[0]}/pin`, { pin: 'route' }],
      [`stops/${stopIds[0]}/move`, { routeId: route.id, position: 1 }],
    ] as const) {
      expect(await codeOf(change(path, body, stale)), path).toBe('409 route_changed')
    }
    const fresh = { 'if-match': `"${first.version}"` }
    await expecting(200, change(`stops/${stopIds[0]}/pin`, { pin: null }, fresh))
    expect(await codeOf(change(`routes/${route.id}/unpin`, {}, { 'if-match': 'W/"x"' }))).toBe(
      '400 if_match_invalid',
    )
  })
})

describe('pins', () => {
  it('hold until a person lets go of them', async () => {
    const { route, plan, routes, idle, hub } = await twoWindows()
    const [first] = route.stops
    const split: Route = await expecting(
      200,
      change(`routes/${route.id}/split`, { stopIds: [first!.id], shiftId: idle.shift.id }),
    )
    expect(split).toMatchObject({ driverId: idle.driver.id, stops: [{ id: first!.id, pinned: true }] })
    await plan()
    const where = async (orderId: string): Promise<Route> =>
      (await routes()).find((each: Route) => each.stops.some((stop) => stop.orderId === orderId))
    expect(await where(first!.orderId)).toMatchObject({ driverId: idle.driver.id })
    await expecting(200, change(`routes/${split.id}/unpin`))
    await expecting(202, change('plans', { hubId: hub.id, date, scope: 'fresh' }))
    await settled(world)
    const after: Route[] = await routes()
    expect(after).toHaveLength(1)
    expect(after[0]!.stops.some(({ pinned }) => pinned)).toBe(false)
  })
})

describe('routes', () => {
  it('are split and merged, and nothing is lost', async () => {
    const { route, routes, idle } = await twoWindows()
    const all = idsOf(route)
    const body = { stopIds: [all[1]!], shiftId: idle.shift.id }
    expect(await codeOf(change(`routes/${route.id}/split`, { ...body, shiftId: newId() }))).toBe(
      '422 shift_unknown',
    )
    expect(await codeOf(change(`routes/${route.id}/split`, { ...body, stopIds: all }))).toBe(
      '422 nothing_left',
    )
    expect(await codeOf(change(`routes/${route.id}/split`, { ...body, stopIds: [newId()] }))).toBe(
      '422 stop_set_mismatch',
    )
    const answers = await Promise.all([
      change(`routes/${route.id}/split`, body),
      change(`routes/${route.id}/split`, body),
    ])
    const codes = answers.map(({ status, body: answer }) => (status === 200 ? 'ok' : answer.code))
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1)
    const [one, other] = (await routes()) as [Route, Route]
    expect([...idsOf(one), ...idsOf(other)].toSorted()).toEqual(all.toSorted())
    expect(await codeOf(change(`routes/${one.id}/merge`, { intoRouteId: one.id }))).toBe('422 same_route')
    const merged: Route = await expecting(200, change(`routes/${one.id}/merge`, { intoRouteId: other.id }))
    expect(idsOf(merged).toSorted()).toEqual(all.toSorted())
    expect(await routes()).toHaveLength(1)
    expect(await codeOf(change(`routes/${one.id}/merge`, { intoRouteId: other.id }))).toBe(
      '404 route_not_found',
    )
  })

  it('are ops’ business alone', async () => {
    const id = newId()
    const calls: ['GET' | 'POST', string][] = [
      ['GET', `plans?hubId=${id}&date=${date}`],
      ['GET', `plans/${id}/snapshot`],
      ['POST', `plans/${id}/publish`],
      ['GET', `routes/${id}`],
      ['POST', `routes/${id}/unpin`],
      ['POST', `routes/${id}/split`],
      ['POST', `routes/${id}/merge`],
      ['POST', `routes/${id}/break-down`],
      ['POST', `routes/${id}/take-over`],
      ['POST', `stops/${id}/pin`],
      ['GET', `deliveries?hubId=${id}&state=failed`],
      ['POST', `deliveries/${id}/decide`],
      ['POST', `deliveries/${id}/received`],
      ['POST', `deliveries/${id}/hold`],
      ['POST', `deliveries/${id}/let-go`],
      ['POST', `deliveries/${id}/place`],
    ]
    for (const [method, path] of calls) {
      for (const role of ['customer', 'driver'] as const) {
        const answer = world.call(method, `/v1/dispatch/${path}`, world.tokenFor(newId(), role), {})
        expect(await codeOf(answer), `${method} ${path} as ${role}`).toBe('403 role_required')
      }
    }
    expect(
      await codeOf(
        world.call('PATCH', `/v1/hubs/${id}`, world.tokenFor(newId(), 'driver'), { baseFeeCents: 1 }),
      ),
    ).toBe('403 role_required')
  })
})
