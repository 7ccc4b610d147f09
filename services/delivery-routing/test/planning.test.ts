import { monitorEventLoopDelay } from 'node:perf_hooks'
import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimPlan } from '../src/planning/plan-store.ts'
import { requeueLostPlans } from '../src/planning/request-plan.ts'
import { createSolver, type Solver } from '../src/planning/solver.ts'
import { createDeliveryRoutingService } from '../src/service.ts'
import {
  addressAt,
  createCrew,
  createHub,
  createWorld,
  eventsOf,
  expecting,
  nearby,
  placeOrder,
  planDay,
  release,
  statusOf,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const date = tomorrow()

/** Runs `beforeSolve` of the next solve once the day was read, and before the result comes. */
function createInterruptibleSolver() {
  const solver = createSolver()
  const hooks: (() => Promise<void>)[] = []
  let solves = 0
  const interruptible: Solver = {
    async solve(problem, timeLimitMs, options) {
      solves += 1
      const solution = await solver.solve(problem, timeLimitMs, options)
      await hooks.shift()?.()
      return solution
    },
    close: solver.close,
  }
  return {
    solver: interruptible,
    duringNextSolve: (hook: () => Promise<void>) => void hooks.push(hook),
    solves: () => solves,
  }
}

describe('planning a day', () => {
  let world: World
  const { solver, duringNextSolve, solves } = createInterruptibleSolver()
  beforeAll(async () => {
    world = await createWorld({ overrides: { solver } })
  })
  afterAll(() => world.close())

  let hubs = 0
  async function freshHub() {
    hubs += 1
    const at = { latitude: 33 + hubs * 0.3, longitude: -84 }
    const { id } = await createHub(world, { ...at, serviceRadiusMeters: 10_000 })
    const windows = await windowsOf(world, date, at)
    const point = (index: number) => ({
      latitude: at.latitude + nearby(index).latitude - 33.7573,
      longitude: at.longitude + nearby(index).longitude + 84.3521,
    })
    const order = (index: number, window = 0, weightGrams = 4_000) =>
      placeOrder(world, windows[window]?.id ?? '', { at: point(index), weightGrams })
    return { id, windows, order }
  }
  const routesOf = async (hubId: string) =>
    (await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}&hubId=${hubId}`))).items
  const drive = (token: string, path: string, body?: unknown) =>
    world.call('POST', `/v1/driver/${path}`, token, body)

  it('answers the same plan to a second click', async () => {
    const hub = await freshHub()
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    duringNextSolve(() => held)
    await createCrew(world, hub.id, date)
    await hub.order(1)
    const ask = () => world.asOps('POST', '/v1/dispatch/plans', { hubId: hub.id, date })
    const first = await expecting(202, ask())
    const statusOfPlan = async (id: string) =>
      (await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${id}`))).status
    await waitFor(async () => (await statusOfPlan(first.id)) === 'running', { describe: 'the plan to run' })
    let later: Awaited<ReturnType<typeof ask>>[] = []
    try {
      later = await Promise.all([ask(), ask(), ask()])
      expect(new Set(later.map(({ body }) => body.id)).size).toBe(1)
      expect(later[0]?.body).toMatchObject({ status: 'queued', routes: [], unassigned: [] })
      // Its job finds that another plan of the day runs, so that the end of that one must queue it again.
      const key = `plan:${hub.id}:${date}`
      const jobs = () => world.db.query('select id from delivery_jobs.jobs where key = $1', [key])
      await waitFor(async () => (await jobs()).length === 0, { describe: 'the second job to end' })
    } finally {
      letGo()
    }
    const secondId = later[0]?.body.id
    await waitFor(async () => (await statusOfPlan(secondId)) === 'done', { describe: 'the second plan' })
    const versions = await world.db.query(
      'select id, version from plans where hub_id = $1 order by version',
      [hub.id],
    )
    expect(versions).toEqual([
      { id: first.id, version: 1 },
      { id: secondId, version: 2 },
    ])
  })

  it('says why a delivery is left out', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date, { weightGrams: 10_000 })
    const heavy = await hub.order(1, 0, 11_000)
    const light = await hub.order(2, 0, 2_000)
    const plan = await planDay(world, hub.id, date)
    expect(plan.unassigned).toHaveLength(1)
    expect(plan.unassigned[0]).toMatchObject({ orderId: heavy.orderId })
    expect(plan.unassigned[0].reason.length).toBeGreaterThan(10)
    expect(plan.routes[0].stops).toMatchObject([{ orderId: light.orderId }])
    expect(await statusOf(world, heavy.orderId)).toBe('confirmed')
  })

  it('leaves everything out without a vehicle, and searches for nothing', async () => {
    const hub = await freshHub()
    const before = solves()
    expect(await planDay(world, hub.id, date)).toMatchObject({ status: 'done', routes: [], unassigned: [] })
    const orders = [await hub.order(1), await hub.order(2)]
    const plan = await planDay(world, hub.id, date)
    expect(plan).toMatchObject({ status: 'done', routes: [], travelSource: null })
    const reason = 'No driver and vehicle have a shift on this day'
    expect(plan.unassigned).toHaveLength(2)
    expect(plan.unassigned).toEqual(
      expect.arrayContaining(orders.map(({ orderId }) => ({ orderId, reason }))),
    )
    expect(solves()).toBe(before)
  })

  it('uses as many vans as the load needs', async () => {
    const hub = await freshHub()
    const crews = [
      await createCrew(world, hub.id, date, { weightGrams: 10_000 }),
      await createCrew(world, hub.id, date, { weightGrams: 10_000 }),
    ]
    for (let index = 0; index < 4; index += 1) await hub.order(index, 0, 5_000)
    const plan = await planDay(world, hub.id, date)
    expect(plan.unassigned).toEqual([])
    expect(plan.routes.map(({ driverId }: { driverId: string }) => driverId).toSorted()).toEqual(
      crews.map(({ driver }) => driver.id).toSorted(),
    )
    expect(plan.routes.map(({ stops }: { stops: unknown[] }) => stops.length)).toEqual([2, 2])
  })

  it('drops a delivery that is released during the solve, and returns its place', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date)
    const [kept, given] = [await hub.order(1), await hub.order(2)]
    duringNextSolve(async () => void (await expecting(200, release(world, given.orderId))))
    const plan = await planDay(world, hub.id, date)
    expect(plan.status).toBe('done')
    expect(plan.routes[0].stops).toMatchObject([{ orderId: kept.orderId, position: 1 }])
    expect(await statusOf(world, given.orderId)).toBe('released')
    const [window] = await world.db.query('select held from delivery_windows where id = $1', [kept.windowId])
    expect(window).toEqual({ held: 1 })
  })

  it('takes the stop of a released order off its route', async () => {
    const hub = await freshHub()
    const { driver } = await createCrew(world, hub.id, date)
    const orders = [await hub.order(1), await hub.order(2), await hub.order(3)]
    const plan = await planDay(world, hub.id, date)
    const middle = plan.routes[0].stops[1]
    await Promise.all([release(world, middle.orderId), release(world, middle.orderId)])
    const [route] = await routesOf(hub.id)
    expect(route.stops.map((stop: { position: number }) => stop.position)).toEqual([1, 2])
    expect(route.stops.map((stop: { orderId: string }) => stop.orderId)).not.toContain(middle.orderId)
    expect(route.version).toBe(plan.routes[0].version + 1)
    const started = await expecting(200, drive(driver.token, 'route/start'))
    expect(started.stops).toHaveLength(2)
    const loaded = await Promise.all(orders.map(({ orderId }) => statusOf(world, orderId)))
    expect(loaded.filter((status) => status === 'loaded')).toHaveLength(2)
    expect(loaded).toContain('released')
  })

  it('plans again when a route is started during the solve, and keeps that route', async () => {
    const hub = await freshHub()
    const { driver } = await createCrew(world, hub.id, date)
    const first = await hub.order(1)
    await planDay(world, hub.id, date)
    const late = await hub.order(2)
    duringNextSolve(async () => void (await expecting(200, drive(driver.token, 'route/start'))))
    const plan = await planDay(world, hub.id, date)
    const [started, planned] = plan.routes.toSorted((a: any, b: any) => (a.status < b.status ? 1 : -1))
    expect(started).toMatchObject({ status: 'started', stops: [{ orderId: first.orderId }] })
    expect(planned).toMatchObject({ status: 'planned', stops: [{ orderId: late.orderId }] })
    expect(planned.startsAt >= started.endsAt).toBe(true)
    expect(await statusOf(world, first.orderId)).toBe('loaded')
  })

  it('keeps the ids of stops and routes through plans and tells order only of changes', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date)
    const { orderId } = await hub.order(1)
    const before = await planDay(world, hub.id, date)
    const after = await planDay(world, hub.id, date)
    expect(after.routes[0].id).toBe(before.routes[0].id)
    expect(after.routes[0].stops[0].id).toBe(before.routes[0].stops[0].id)
    expect(after.version).toBe(2)
    const old = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${before.id}`))
    expect(old).toMatchObject({ status: 'done', version: 1, routes: [] })
    await waitFor(async () => (await world.db.query('select id from delivery_jobs.jobs')).length === 0, {
      describe: 'every event to be carried',
    })
    expect(eventsOf(world, orderId)).toEqual(['delivery.scheduled'])
  })

  it('tells order when a planned delivery no longer finds a place', async () => {
    const hub = await freshHub()
    const { shift } = await createCrew(world, hub.id, date)
    const order = await hub.order(1, 0)
    await planDay(world, hub.id, date)
    await world.db.query(
      `update shifts set during = tstzrange(upper(during) - interval '1 hour', upper(during)) where id = $1`,
      [shift.id],
    )
    const plan = await planDay(world, hub.id, date)
    expect(plan.unassigned).toMatchObject([{ orderId: order.orderId }])
    expect(await statusOf(world, order.orderId)).toBe('confirmed')
    await waitFor(() => eventsOf(world, order.orderId).length === 2, { describe: 'order to learn of it' })
    expect(eventsOf(world, order.orderId)).toEqual(['delivery.scheduled', 'delivery.unscheduled'])
    const tracking = await expecting(
      200,
      world.call('GET', `/v1/orders/${order.orderId}/tracking`, order.token),
    )
    expect(tracking).toMatchObject({ status: 'confirmed', eta: null, stopsAhead: null, driverPosition: null })
    expect(await routesOf(hub.id)).toEqual([])
  })

  it('takes up a plan whose run was lost', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date)
    await hub.order(1)
    const planId = newId()
    await world.db.query(
      `insert into plans (id, hub_id, local_date, status, requested_by) values ($1, $2, $3, 'queued', $4)`,
      [planId, hub.id, date, newId()],
    )
    const claim = await claimPlan(world.db, planId, 0)
    expect(claim).toMatchObject({ attempt: 1 })
    await requeueLostPlans(world.ctx)
    const plan = await waitFor(
      async () => {
        const body = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${planId}`))
        return body.status === 'done' ? body : null
      },
      { describe: 'the plan to be taken up' },
    )
    expect(plan.routes).toHaveLength(1)
    expect(await world.db.query('select attempt from plans where id = $1', [planId])).toEqual([
      { attempt: 2 },
    ])
  })

  it('marks a plan failed whose solve breaks, and changes nothing else', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date)
    const { orderId } = await hub.order(1)
    duringNextSolve(() => Promise.reject(new Error('the thread broke')))
    const plan = await planDay(world, hub.id, date)
    expect(plan).toMatchObject({ status: 'failed', routes: [], version: null })
    expect(plan.error).not.toContain('thread')
    expect(await statusOf(world, orderId)).toBe('confirmed')
    expect((await planDay(world, hub.id, date)).status).toBe('done')
  })

  it('refuses unknown hubs, days that are over, and who is not ops', async () => {
    const hub = await freshHub()
    const ask = (body: object, token = world.ops) => world.call('POST', '/v1/dispatch/plans', token, body)
    const codeOf = async (answer: ReturnType<typeof ask>) => {
      const { status, body } = await answer
      return `${status} ${body.code}`
    }
    expect(await codeOf(ask({ hubId: newId(), date }))).toBe('422 hub_unknown')
    expect(await codeOf(ask({ hubId: hub.id, date: '2020-01-01' }))).toBe('422 date_passed')
    expect(await codeOf(ask({ hubId: hub.id, date: '2026-02-30' }))).toBe('400 validation_failed')
    expect(await codeOf(ask({ hubId: hub.id, date, more: 1 }))).toBe('400 validation_failed')
    for (const role of ['customer', 'driver'] as const) {
      expect(await codeOf(ask({ hubId: hub.id, date }, world.tokenFor(newId(), role)))).toBe(
        '403 role_required',
      )
    }
    expect((await world.asOps('GET', `/v1/dispatch/plans/${newId()}`)).body.code).toBe('plan_not_found')
  })

  it('leaves the event loop free while it solves a large day', async () => {
    const hub = await freshHub()
    await createCrew(world, hub.id, date)
    const customerId = newId()
    await world.db.query(
      `insert into deliveries (order_id, status, customer_id, window_id, holds_capacity, number, weight_grams, address)
       select id, 'confirmed', $2, $3, false, 'UB-1', 100, $4::jsonb from unnest($1::uuid[]) as o (id)`,
      [
        Array.from({ length: 60 }, newId),
        customerId,
        hub.windows[2]?.id,
        JSON.stringify(addressAt({ latitude: 33 + hubs * 0.3, longitude: -84 })),
      ],
    )
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const plan = await planDay(world, hub.id, date)
    delay.disable()
    expect(plan.status).toBe('done')
    expect(plan.routes[0].stops.length + plan.unassigned.length).toBe(60)
    // The solve takes two seconds; on this loop it would show as one pause of that length.
    expect(delay.max / 1e6).toBeLessThan(1_000)
  })
})

it('an api process queues plans and leaves them to an optimizer', async () => {
  const world = await createWorld({ env: { ROLE: 'api' } })
  try {
    const hub = await createHub(world)
    await createCrew(world, hub.id, date)
    const [window] = await windowsOf(world, date)
    await placeOrder(world, window?.id ?? '')
    const { id } = await expecting(202, world.asOps('POST', '/v1/dispatch/plans', { hubId: hub.id, date }))
    const metrics = await request('GET', `${world.url}/metrics`)
    expect(metrics.body).not.toMatch(/jobs_total{task="plan_day"/)
    const optimizer = await createDeliveryRoutingService({ ...world.config, role: 'optimizer' })
    try {
      const [job] = await world.db.query<{ attempts: number }>(
        `select attempts from delivery_jobs.jobs where key = $1`,
        [`plan:${hub.id}:${date}`],
      )
      expect(job).toEqual({ attempts: 0 })
      await optimizer.start()
      const plan = await waitFor(
        async () => {
          const body = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${id}`))
          return body.status === 'done' ? body : null
        },
        { describe: 'the optimizer to work the plan off' },
      )
      expect(plan.routes[0].stops).toHaveLength(1)
    } finally {
      await optimizer.close()
    }
  } finally {
    await world.close()
  }
})
