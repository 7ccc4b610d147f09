import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decideByDefault } from '../src/deliveries/decide-by-default.ts'
import { refreshEtas } from '../src/eta/refresh-etas.ts'
import { watchDrivers } from '../src/planning/watch-drivers.ts'
import { codeOf, createDay, createDayWorld, date, newestPlan, report, settled, start } from './day-world.ts'
import {
  createCrew,
  createDriver,
  createVehicle,
  eventsOf,
  expecting,
  release,
  statusOf,
  windowsOf,
} from './world.ts'

type DayWorld = Awaited<ReturnType<typeof createDayWorld>>
type Stop = { id: string; orderId: string; status: string; position: number; eta: string }
type Route = { id: string; version: number; driverId: string; status: string; stops: Stop[] }

let given: DayWorld
beforeAll(async () => {
  given = await createDayWorld({ FAILURE_DECISION_MINUTES: '0', SWEEP_INTERVAL_MS: '3600000' })
})
afterAll(() => given.world.close())

const decide = (orderId: string, body: object) =>
  given.world.asOps('POST', `/v1/dispatch/deliveries/${orderId}/decide`, body)
const received = (orderId: string, body?: object) =>
  given.world.asOps('POST', `/v1/dispatch/deliveries/${orderId}/received`, body)

/** How many statements wait for another transaction. */
async function waiting({ db }: DayWorld['world']): Promise<number> {
  const rows = await db.query(
    `select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like 'update routes%'`,
  )
  return rows.length
}

/** One van under way, whose first stop has failed. */
async function failedDay(orders = 2) {
  const { world } = given
  const day = await createDay(world, { crews: 1 })
  for (let index = 0; index < orders; index += 1) await day.order(index)
  await day.plan()
  const [crew] = day.crews
  const token = crew!.driver.token
  await given.setClock('09:30')
  const route: Route = await start(world, token)
  const [stop] = route.stops
  await report(world, token, stop!.id, 'fail')
  return { ...day, token, route, stop: stop!, orderId: stop!.orderId }
}

describe('a failed delivery', () => {
  it('is tried again today on the same van, after all others', async () => {
    const { world } = given
    const { orderId, token, route, stop, routes } = await failedDay()
    const view = await expecting(200, decide(orderId, { action: 'retry_today' }))
    expect(view).toMatchObject({ status: 'loaded', failedTries: 1, decision: { action: 'retry_today' } })
    const [now]: Route[] = await routes()
    expect(now!.stops.map(({ status }) => status)).toEqual(['failed', 'pending', 'pending'])
    expect(now!.version).toBeGreaterThan(route.version)
    const again = now!.stops[2]!
    expect(again).toMatchObject({ orderId, position: 3 })
    expect(again.eta > now!.stops[1]!.eta).toBe(true)
    // The first outcome is settled: a phone that comes late with another one is told so.
    expect(
      await codeOf(
        world.call('POST', `/v1/driver/stops/${stop.id}/deliver`, token, {
          proof: { kind: 'code', code: '1' },
        }),
      ),
    ).toBe('409 stop_outcome_conflict')
    // Nor does an older report of the same failure, from another phone, bring it back.
    const older = {
      clientEventId: newId(),
      type: 'fail',
      stopId: stop.id,
      reason: 'no_access',
      occurredAt: new Date(world.ctx.now().getTime() - 3_600_000).toISOString(),
    }
    await expecting(200, world.call('POST', '/v1/driver/sync', token, { events: [older] }))
    expect(await statusOf(world, orderId)).toBe('loaded')
    await report(world, token, now!.stops[1]!.id, 'deliver')
    await report(world, token, again.id, 'deliver')
    expect(await statusOf(world, orderId)).toBe('delivered')
    await settled(world)
    expect(eventsOf(world, orderId)).toEqual([
      'delivery.scheduled',
      'delivery.out_for_delivery',
      'delivery.failed',
      'delivery.rescheduled',
      'delivery.delivered',
    ])
    expect(await codeOf(decide(orderId, { action: 'return' }))).toBe('409 delivery_not_decidable')
  })

  it('opens a route again that had no other stop left, unless its driver is on another one', async () => {
    const { world } = given
    const { orderId, token, order, plan, stop } = await failedDay(1)
    expect(
      (await expecting(200, world.asOps('GET', `/v1/dispatch/deliveries?hubId=${newId()}&state=failed`)))
        .items,
    ).toEqual([])
    await order(5)
    await plan()
    await start(world, token)
    expect(await codeOf(decide(orderId, { action: 'retry_today' }))).toBe('409 another_route_started')
    const { stops } = (await world.call('GET', '/v1/driver/route', token)).body
    await report(world, token, stops[0].id, 'deliver')
    await expecting(200, decide(orderId, { action: 'retry_today' }))
    const reopened: Route = (await world.call('GET', '/v1/driver/route', token)).body
    expect(reopened.stops.map(({ status }) => status)).toEqual(['failed', 'pending'])
    expect(reopened.stops[0]!.id).toBe(stop.id)
  })

  it('gets another window, with a place of its own, and is planned there', async () => {
    const { world } = given
    const { orderId, hub, at, windows, plan, crews } = await failedDay()
    const later = (await windowsOf(world, date, at)).at(-1)!
    const view = await expecting(200, decide(orderId, { action: 'retry_window', windowStart: later.start }))
    expect(view).toMatchObject({ status: 'confirmed', window: { start: later.start, end: later.end } })
    expect(view.readyAt).not.toBeNull()
    const held = async (id: string) =>
      (await world.db.query<{ held: number }>('select held from delivery_windows where id = $1', [id]))[0]
        ?.held
    expect(await held(windows[1]!.id)).toBe(1)
    expect(await held(later.id)).toBe(1)
    // Its stock has left the shop, so that it can no longer be cancelled.
    expect(await codeOf(release(world, orderId))).toBe('409 delivery_loaded')
    const done = await plan()
    const placed = done.routes.find((each: Route) => each.status === 'planned')
    expect(placed.stops).toMatchObject([{ orderId }])
    expect(placed.startsAt >= view.readyAt).toBe(true)
    await settled(world)
    expect(eventsOf(world, orderId).slice(-2)).toEqual(['delivery.rescheduled', 'delivery.scheduled'])
    expect(hub.id).toBe(view.hubId)
    expect(crews).toHaveLength(1)
  })

  it('gets no window that is full or that the van is not back for', async () => {
    const { world } = given
    const { orderId, at } = await failedDay()
    const windows = await windowsOf(world, date, at)
    const full = windows.at(-1)!
    await world.db.query('update delivery_windows set capacity = held where id = $1', [full.id])
    expect(await codeOf(decide(orderId, { action: 'retry_window', windowStart: full.start }))).toBe(
      '409 window_unavailable',
    )
    const [first] = windows
    expect(await codeOf(decide(orderId, { action: 'retry_window', windowStart: first!.start }))).toBe(
      '422 not_back_in_time',
    )
    expect(await statusOf(world, orderId)).toBe('failed')
  })

  it('comes back and into stock, once', async () => {
    const { world } = given
    const { orderId, token, stop } = await failedDay()
    expect(await expecting(200, decide(orderId, { action: 'return' }))).toMatchObject({ status: 'returning' })
    // A phone that was out of reach meanwhile comes too late.
    const late = { clientEventId: newId(), type: 'deliver', stopId: stop.id, occurredAt: stop.eta }
    const proof = { kind: 'signature', name: 'Casey' }
    const { results } = await expecting(
      200,
      world.call('POST', '/v1/driver/sync', token, { events: [{ ...late, proof }] }),
    )
    expect(results[0]).toMatchObject({ status: 'rejected', code: 'stop_outcome_conflict' })
    expect(await statusOf(world, orderId)).toBe('returning')
    expect(await codeOf(decide(orderId, { action: 'retry_today' }))).toBe('409 delivery_not_decidable')
    const lines = [{ productId: newId(), quantity: 1 }]
    const answers = await Promise.all([received(orderId, { lines }), received(orderId, { lines })])
    expect(answers.map(({ status, body }) => [status, body.status])).toEqual([
      [200, 'returned'],
      [200, 'returned'],
    ])
    await settled(world)
    expect(eventsOf(world, orderId, 'inventory')).toEqual(['delivery.out_for_delivery', 'delivery.returned'])
    const told = world.peers.events.find(
      ({ event }) => event.type === 'delivery.returned' && (event.data as any).orderId === orderId,
    )
    expect(told?.event.data).toMatchObject({ lines })
    expect(eventsOf(world, orderId).slice(-2)).toEqual(['delivery.failed', 'delivery.given_up'])
  })

  it('that is at the hub before anybody decides is given up, too', async () => {
    const { world } = given
    const { orderId } = await failedDay()
    await expecting(200, received(orderId, {}))
    await settled(world)
    expect(eventsOf(world, orderId).slice(-2)).toEqual(['delivery.failed', 'delivery.given_up'])
    expect(eventsOf(world, orderId, 'inventory').at(-1)).toBe('delivery.returned')
  })

  it('that nobody decides about gets the same window of the next day, and the second time comes back', async () => {
    const { world } = given
    const { orderId, hub } = await failedDay()
    await decideByDefault(world.ctx)
    const deliveries = `/v1/dispatch/deliveries?hubId=${hub.id}&state=`
    const [first] = (await expecting(200, world.asOps('GET', `${deliveries}unplanned`))).items
    expect(first).toMatchObject({ id: orderId, decision: { action: 'retry_window', decidedBy: null } })
    expect(new Date(first.window.start).getTime()).toBeGreaterThan((await given.momentAt('23:59')).getTime())
    // It fails again, on another route.
    await world.db.query(
      `insert into stops (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds, leg_meters,
         service_seconds, completed_at)
       select $1, route_id, order_id, 99, 'failed', now(), now(), 0, 0, 0, now() from stops where order_id = $2 limit 1`,
      [newId(), orderId],
    )
    await world.db.query(
      `update deliveries set status = 'failed', updated_at = now() - interval '1 hour' where order_id = $1`,
      [orderId],
    )
    await decideByDefault(world.ctx)
    expect(await statusOf(world, orderId)).toBe('returning')
  })
})

describe('a late order', () => {
  it('finds a place in the plan in force by itself, and little else changes', async () => {
    const { world } = given
    await given.setClock('06:00')
    const day = await createDay(world, { crews: 3 })
    for (let index = 0; index < 9; index += 1) await day.order(index, 1 + (index % 3))
    const before = await day.plan()
    const late = await day.order(20, 4)
    await settled(world)
    const plan = await newestPlan(world, day.hub.id)
    expect(plan).toMatchObject({ status: 'done', scope: 'repair', cause: 'late_order', draft: false })
    expect(plan.version).toBe(before.version + 1)
    expect(plan.figures).toMatchObject({ stops: 10, unassigned: 0, movedStops: 0 })
    const route: Route = await day.routeOf(late.orderId)
    expect(route).toBeDefined()
    const shown = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${plan.id}`))
    const stops = shown.routes.flatMap((each: Route) => each.stops)
    expect(stops).toHaveLength(10)
    for (const { id, version } of before.routes as Route[]) {
      const now = shown.routes.find((each: Route) => each.id === id)
      if (id !== route.id) expect(now.version).toBe(version)
    }
  })

  it('for a day without a plan in force waits for one', async () => {
    const { world } = given
    const day = await createDay(world)
    const { orderId } = await day.order(1)
    await settled(world)
    expect(await world.db.query('select id from plans where hub_id = $1', [day.hub.id])).toEqual([])
    expect(await statusOf(world, orderId)).toBe('confirmed')
  })
})

describe('a van that breaks down', () => {
  it('under way: its stops go to another van once the parcels are back, or are left out with the reason', async () => {
    const { world } = given
    await given.setClock('06:00')
    const day = await createDay(world, { crews: 2, capacity: { weightGrams: 40_000 } })
    const orders = [await day.order(0, 0), await day.order(1, 0), await day.order(2, 5)]
    await day.plan()
    await given.setClock('07:50')
    const [soon]: Route[] = (await day.routes()).filter((each: Route) =>
      each.stops.some(({ orderId }) => orderId === orders[0]!.orderId),
    )
    const crew = day.crews.find(({ driver }) => driver.id === soon!.driverId)!
    const started: Route = await start(world, crew.driver.token)
    const readyAt = (await given.momentAt('11:00')).toISOString()
    const broken = await world.asOps('POST', `/v1/dispatch/routes/${started.id}/break-down`, {
      reason: 'engine',
      readyAt,
    })
    expect(broken.status).toBe(202)
    expect(broken.body).toMatchObject({ scope: 'repair', cause: 'break_down' })
    await settled(world)
    const plan = await newestPlan(world, day.hub.id)
    const shown = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${plan.id}`))
    const reasonOf = (orderId: string) =>
      shown.unassigned.find((each: any) => each.orderId === orderId)?.reason
    const aboard = started.stops.map(({ orderId }) => orderId)
    for (const { orderId } of orders.slice(0, 2)) expect(aboard).toContain(orderId)
    // The first windows are over when the parcels are back; the last one is not.
    for (const { orderId } of orders.slice(0, 2)) expect(reasonOf(orderId)).toMatch(/\w+/)
    const rescued: Route = await day.routeOf(orders[2]!.orderId)
    expect(rescued.driverId).not.toBe(crew.driver.id)
    const route: Route = (await day.routes()).find((each: Route) => each.id === started.id)
    expect(route).toMatchObject({ status: 'completed', brokenDownAt: expect.any(String), stops: [] })
    await settled(world)
    expect(eventsOf(world, orders[0]!.orderId)).toContain('delivery.rescheduled')
    expect(
      await codeOf(world.asOps('POST', `/v1/dispatch/routes/${started.id}/break-down`, { reason: 'again' })),
    ).toBe('409 route_ended')
  })

  it('before it leaves: the others take its stops', async () => {
    const { world } = given
    await given.setClock('06:00')
    const day = await createDay(world, { crews: 2, capacity: { weightGrams: 20_000 } })
    for (let index = 0; index < 4; index += 1) await day.order(index, 2, 5_000)
    const before = await day.plan()
    const [route]: Route[] = before.routes
    await expecting(
      202,
      world.asOps('POST', `/v1/dispatch/routes/${route!.id}/break-down`, { reason: 'driver ill' }),
    )
    await settled(world)
    const after: Route[] = await day.routes()
    expect(after.flatMap(({ stops }) => stops)).toHaveLength(4)
    expect(after.map(({ driverId }) => driverId)).not.toContain(route!.driverId)
  })

  it('of two routes that one driver would be on at once, the second is refused', async () => {
    const { world } = given
    const ended = await failedDay(1)
    await ended.order(5)
    await ended.plan()
    const { route } = await failedDay(3)
    const driverId = ended.crews[0]!.driver.id
    const answers: ReturnType<typeof decide>[] = []
    // Both have seen that the driver is free when the driver starts.
    await world.ctx.db.transaction(async (tx) => {
      await tx.query(
        `update routes set status = 'started', started_at = now() where driver_id = $1 and status = 'planned'`,
        [driverId],
      )
      answers.push(world.asOps('POST', `/v1/dispatch/routes/${route.id}/take-over`, { driverId }))
      answers.push(decide(ended.orderId, { action: 'retry_today' }))
      await waitFor(async () => (await waiting(world)) === 2, {
        describe: 'both to wait for the one who starts',
      })
    })
    expect(await Promise.all(answers.map(codeOf))).toEqual(['409 driver_busy', '409 another_route_started'])
  })

  it('or its driver: another one goes on with what is on board', async () => {
    const { world } = given
    const { route, hub, token } = await failedDay(3)
    const driver = await createDriver(world)
    const path = `/v1/dispatch/routes/${route.id}/take-over`
    const small = await createVehicle(world, hub.id, { weightGrams: 1_000 })
    expect(await codeOf(world.asOps('POST', path, { driverId: driver.id, vehicleId: small.id }))).toBe(
      '409 vehicle_over_capacity',
    )
    expect(await codeOf(world.asOps('POST', path, { driverId: newId() }))).toBe('422 driver_unknown')
    const van = await createVehicle(world, hub.id)
    const body = { driverId: driver.id, vehicleId: van.id, delayMinutes: 30 }
    const taken = await expecting(200, world.asOps('POST', path, body))
    expect(taken).toMatchObject({ driverId: driver.id, vehicleId: van.id, status: 'started' })
    const mine: Route = (await world.call('GET', '/v1/driver/route', driver.token)).body
    expect(mine.id).toBe(route.id)
    // The hand-over counts for as long as it takes, and not only until times are computed again.
    const later = async () => {
      const rows = await world.db.query<{ eta: Date }>(
        `select min(eta) as eta from stops where route_id = $1 and status = 'pending'`,
        [route.id],
      )
      return rows[0]!.eta.getTime() - world.ctx.now().getTime()
    }
    expect(await later()).toBeGreaterThan(30 * 60_000)
    await world.db.query('update routes set etas_at = null where id = $1', [route.id])
    await refreshEtas(world.ctx)
    expect(await later()).toBeGreaterThan(30 * 60_000)
    expect((await world.call('GET', '/v1/driver/route', token)).status).toBe(404)
    await report(world, driver.token, mine.stops[1]!.id, 'deliver')
  })
})

describe('the day as it goes', () => {
  it('a driver who is far behind gets a later second route, and what would be late goes to others', async () => {
    const { world } = given
    await given.setClock('06:00')
    const day = await createDay(world, { crews: 1 })
    await day.order(0, 0)
    await day.plan()
    const [crew] = day.crews
    await given.setClock('07:45')
    await start(world, crew!.driver.token)
    const second = [await day.order(1, 1), await day.order(2, 2)]
    await settled(world)
    const planned: Route = await day.routeOf(second[0]!.orderId)
    expect(planned.driverId).toBe(crew!.driver.id)
    const helper = await createCrew(world, day.hub.id, date)
    await watchDrivers(world.ctx)
    await settled(world)
    const versions = async () => (await newestPlan(world, day.hub.id)).version
    const quiet = await versions()
    // At noon the first stop of eight o'clock is still open.
    await given.setClock('11:40')
    await world.db.query(
      `update stops set eta = $2 where route_id in (select id from routes where status = 'started' and driver_id = $1)`,
      [crew!.driver.id, await given.momentAt('12:30')],
    )
    await watchDrivers(world.ctx)
    await settled(world)
    expect(await versions()).toBe(quiet + 1)
    const rescued: Route = await day.routeOf(second[0]!.orderId)
    expect(rescued.driverId).toBe(helper.driver.id)
    await watchDrivers(world.ctx)
    await settled(world)
    expect(await versions()).toBe(quiet + 1)
  })

  it('times a route anew when an order is cancelled', async () => {
    const { world } = given
    await given.setClock('06:00')
    const day = await createDay(world, { crews: 1 })
    for (let index = 0; index < 4; index += 1) await day.order(index, 1)
    const plan = await day.plan()
    const [route] = plan.routes
    await expecting(200, release(world, route.stops[0].orderId))
    await settled(world)
    const shorter = await waitFor(
      async () => {
        const [now] = await day.routes()
        return now.stops.length === 3 && now.distanceMeters !== route.distanceMeters ? now : null
      },
      { describe: 'the route to be timed anew' },
    )
    expect(shorter.distanceMeters).toBeLessThan(route.distanceMeters)
    expect(shorter.stops.map(({ position }: Stop) => position)).toEqual([1, 2, 3])
  })
})
