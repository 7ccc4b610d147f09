import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, createDay, createDayWorld, date, settled, start } from './day-world.ts'
import { eventsOf, expecting, statusOf, type World } from './world.ts'

let world: World
let setClock: (time: string) => Promise<void>
beforeAll(async () => {
  ;({ world, setClock } = await createDayWorld())
})
afterAll(() => world.close())

async function planAs(hubId: string, more: object) {
  const { id } = await expecting(202, world.asOps('POST', '/v1/dispatch/plans', { hubId, date, ...more }))
  return waitFor(
    async () => {
      const plan = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${id}`))
      return plan.status === 'done' || plan.status === 'failed' ? plan : null
    },
    { describe: 'the plan to end' },
  )
}
const publish = (id: string) => world.asOps('POST', `/v1/dispatch/plans/${id}/publish`)

describe('a draft', () => {
  it('is seen by ops alone until it is published, and keeps its ids then', async () => {
    const day = await createDay(world, { crews: 1 })
    const order = await day.order(1)
    const draft = await planAs(day.hub.id, { draft: true })
    expect(draft).toMatchObject({ status: 'done', draft: true, publishedAt: null, version: 1 })
    const [route] = draft.routes
    expect(route.stops).toMatchObject([{ orderId: order.orderId, position: 1, status: 'pending' }])
    expect(await day.routes()).toEqual([])
    const token = day.crews[0]!.driver.token
    expect((await world.call('GET', '/v1/driver/route', token)).status).toBe(404)
    expect(await statusOf(world, order.orderId)).toBe('confirmed')
    await settled(world)
    expect(eventsOf(world, order.orderId)).toEqual([])

    const published = await expecting(200, publish(draft.id))
    expect(published).toMatchObject({ draft: false, version: 1, publishedAt: expect.any(String) })
    expect(published.routes[0]).toMatchObject({ id: route.id, stops: [{ id: route.stops[0].id }] })
    expect((await world.call('GET', '/v1/driver/route', token)).body.id).toBe(route.id)
    expect((await expecting(200, publish(draft.id))).version).toBe(1)
    await settled(world)
    expect(eventsOf(world, order.orderId)).toEqual(['delivery.scheduled'])
  })

  it('drops what was released since, and is outdated once a route was started or another plan is in force', async () => {
    await setClock('06:00')
    const day = await createDay(world, { crews: 1 })
    await day.order(1)
    await day.plan()
    await day.order(2, 3)
    await settled(world)
    const draft = await planAs(day.hub.id, { draft: true })
    await day.plan()
    expect(await codeOf(publish(draft.id))).toBe('409 plan_outdated')
    const second = await planAs(day.hub.id, { draft: true })
    await setClock('09:30')
    await start(world, day.crews[0]!.driver.token)
    expect(await codeOf(publish(second.id))).toBe('409 plan_outdated')
    expect(await codeOf(publish(newId()))).toBe('404 plan_not_found')
    await setClock('06:00')
  })

  it('does not swallow a plan that is to be in force, nor the other way round', async () => {
    const day = await createDay(world, { crews: 1 })
    await day.order(1)
    const insert = (isDraft: boolean) =>
      world.db.query(
        `insert into plans (id, hub_id, local_date, status, requested_by, is_draft) values ($1, $2, $3, 'queued', $4, $5)`,
        [newId(), day.hub.id, date, newId(), isDraft],
      )
    await insert(true)
    const plan = await planAs(day.hub.id, {})
    expect(plan).toMatchObject({ draft: false, publishedAt: expect.any(String) })
    await insert(false)
    const draft = world.asOps('POST', '/v1/dispatch/plans', { hubId: day.hub.id, date, draft: true })
    expect(await codeOf(draft)).toBe('409 plan_busy')
  })
})

it('history: every version is listed, and its routes can be read after newer ones', async () => {
  const day = await createDay(world, { crews: 1 })
  const first = await day.order(1)
  const before = await day.plan()
  await day.order(2)
  await settled(world)
  await planAs(day.hub.id, { scope: 'fresh' })
  const list = `/v1/dispatch/plans?hubId=${day.hub.id}&date=${date}`
  const { items } = await expecting(200, world.asOps('GET', list))
  const versions = items.map(({ version }: { version: number }) => version)
  expect(versions).toEqual(versions.toSorted((a: number, b: number) => b - a))
  expect(items.at(-1)).toMatchObject({ id: before.id, figures: { stops: 1, routes: 1, unassigned: 0 } })
  const page = await expecting(200, world.asOps('GET', `${list}&limit=1`))
  const next = await expecting(200, world.asOps('GET', `${list}&limit=1&cursor=${page.nextCursor}`))
  expect([page.items[0].id, next.items[0].id]).toEqual(items.slice(0, 2).map(({ id }: { id: string }) => id))
  const snapshot = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${before.id}/snapshot`))
  expect(snapshot.routes).toMatchObject([{ stops: [{ orderId: first.orderId, position: 1 }] }])
  expect((await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${before.id}`))).routes).toEqual([])
  expect(await codeOf(world.asOps('GET', `/v1/dispatch/plans/${newId()}/snapshot`))).toBe(
    '404 plan_not_found',
  )
})

describe('planning', () => {
  it('takes breaks, and the times of the stops know them', async () => {
    const day = await createDay(world, { crews: 1 })
    await world.db.query(
      `update shifts set breaks = jsonb_build_array(jsonb_build_object(
         'earliest', lower(during) + interval '4 hours', 'latest', lower(during) + interval '5 hours',
         'durationSeconds', 2400)) where id = $1`,
      [day.crews[0]!.shift.id],
    )
    for (let index = 0; index < 6; index += 1) await day.order(index, 1 + (index % 3))
    const [route] = (await day.plan()).routes
    expect(route.breaks).toHaveLength(1)
    const [pause] = route.breaks
    expect(Date.parse(pause.endsAt) - Date.parse(pause.startsAt)).toBe(2_400_000)
    for (const { plannedArrival } of route.stops) {
      expect(plannedArrival >= pause.startsAt && plannedArrival < pause.endsAt).toBe(false)
    }
    // The same order by hand has the same times, the break included.
    const stopIds = route.stops.map(({ id }: { id: string }) => id)
    const again = await expecting(
      200,
      world.asOps('POST', `/v1/dispatch/routes/${route.id}/reorder`, { stopIds }),
    )
    expect(again.breaks).toHaveLength(1)
    expect(again.endsAt).toBe(route.endsAt)
  })

  it('lets no more vans leave at once than the hub can load', async () => {
    const hub = { loadingVansPerSlot: 1, loadingSlotMinutes: 30 }
    const day = await createDay(world, { crews: 4, hub, capacity: { weightGrams: 10_000 } })
    for (let index = 0; index < 8; index += 1) await day.order(index, 0, 5_000)
    const { routes, unassigned } = await day.plan()
    expect(unassigned).toEqual([])
    const slots = routes.map(({ startsAt }: { startsAt: string }) =>
      Math.floor(Date.parse(startsAt) / 1_800_000),
    )
    expect(new Set(slots).size).toBe(4)
  })

  it('keeps plants within their time in the van, or says why it cannot', async () => {
    const day = await createDay(world, { crews: 4 })
    for (const window of [0, 1, 2, 3, 4]) await day.order(window, window)
    const sensitive = await day.order(2, 5)
    await day.needs(sensitive.orderId, { frostSensitive: true, maxVanMinutes: 60 })
    const impossible = await day.order(3, 4)
    await day.needs(impossible.orderId, { upright: true })
    const plan = await day.plan()
    const route = plan.routes.find((each: any) =>
      each.stops.some((stop: any) => stop.orderId === sensitive.orderId),
    )
    const stop = route.stops.find((each: any) => each.orderId === sensitive.orderId)
    expect(Date.parse(stop.plannedArrival) - Date.parse(route.startsAt)).toBeLessThanOrEqual(3_600_000)
    expect(plan.unassigned).toMatchObject([
      { orderId: impossible.orderId, reason: expect.stringContaining('upright') },
    ])
    expect(plan.routes.flatMap(({ stops }: any) => stops)).toHaveLength(6)
  })

  it('leaves out what a dispatcher holds back, and takes it up again', async () => {
    const day = await createDay(world, { crews: 1 })
    const { orderId } = await day.order(1)
    await day.plan()
    const hold = (action: string, body?: object) =>
      world.asOps('POST', `/v1/dispatch/deliveries/${orderId}/${action}`, body)
    expect(await expecting(200, hold('hold', { reason: 'address unclear' }))).toMatchObject({
      status: 'confirmed',
      heldBackReason: 'address unclear',
    })
    await settled(world)
    expect((await day.routes()).flatMap(({ stops }: any) => stops)).toEqual([])
    expect((await day.plan()).unassigned).toEqual([{ orderId, reason: 'Held back: address unclear' }])
    await expecting(200, hold('let-go'))
    await settled(world)
    expect((await day.routeOf(orderId)).stops).toHaveLength(1)
    expect(eventsOf(world, orderId)).toEqual([
      'delivery.scheduled',
      'delivery.unscheduled',
      'delivery.scheduled',
    ])
  })
})
