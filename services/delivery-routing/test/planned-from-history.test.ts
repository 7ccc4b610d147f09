import { afterAll, beforeAll, expect, it } from 'vitest'
import { learnServiceTimes } from '../src/eta/service-time-store.ts'
import { createDay, createDayWorld, date } from './day-world.ts'
import { expecting, type World } from './world.ts'

let world: World
beforeAll(async () => {
  ;({ world } = await createDayWorld())
})
afterAll(() => world.close())

const secondsOf = (routes: any[]) =>
  world.db.query<{ service_seconds: number }>(
    `select service_seconds from stops where route_id = any($1::uuid[]) and status = 'pending'`,
    [routes.map(({ id }) => id)],
  )

it('a plan takes as long for a stop as stops of the hub took, once there are enough of them', async () => {
  const day = await createDay(world, { crews: 1 })
  await day.order(0)
  const remember = (stops: number) =>
    world.db.query(
      `insert into service_time_history (hub_id, class, stops, mean_ratio, variance, computed_at)
       values ($1, '*', $2, 2, 0, now()) on conflict (hub_id, class) do update set stops = excluded.stops`,
      [day.hub.id, stops],
    )
  await remember(29)
  await day.plan()
  expect(await secondsOf(await day.routes())).toEqual([{ service_seconds: 180 }])
  await remember(100_000)
  await day.order(1)
  await day.plan()
  const planned = await secondsOf(await day.routes())
  expect(planned).toHaveLength(2)
  for (const { service_seconds: seconds } of planned) expect(seconds).toBe(360)
})

it('what was learned is not learned again on top of itself', async () => {
  const day = await createDay(world, { crews: 1 })
  await day.order(0)
  await day.plan()
  const [route] = await day.routes()
  await world.db.query(
    `update stops set status = 'delivered', service_seconds = 540, arrived_at = w.starts_at,
       completed_at = w.starts_at + interval '9 minutes'
     from deliveries d join delivery_windows w on w.id = d.window_id
     where stops.route_id = $1 and d.order_id = stops.order_id`,
    [route.id],
  )
  expect(await learnServiceTimes(world.db, new Date(Date.parse(`${date}T23:00:00Z`) + 86_400_000))).toBe(true)
  const [all] = await world.db.query(
    `select stops, mean_ratio from service_time_history where hub_id = $1 and class = '*'`,
    [day.hub.id],
  )
  expect(all).toEqual({ stops: 1, mean_ratio: 3 })
})

it('a route that a person changes leaves in a loading slot that has room', async () => {
  const rules = { loadingVansPerSlot: 1, loadingSlotMinutes: 15 }
  const day = await createDay(world, { crews: 2, hub: rules, capacity: { weightGrams: 10_000 } })
  for (let index = 0; index < 4; index += 1) await day.order(index, 1, 5_000)
  await day.plan()
  const [route, other] = await day.routes()
  expect(other).toBeDefined()
  const slotOf = (moment: string | Date) => Math.floor(new Date(moment).getTime() / 900_000)
  expect(slotOf(route.startsAt)).not.toBe(slotOf(other.startsAt))
  await world.db.query('update routes set starts_at = $2 where id = $1', [other.id, route.startsAt])
  const stopIds = route.stops.map(({ id }: { id: string }) => id)
  await expecting(200, world.call('POST', `/v1/dispatch/routes/${route.id}/reorder`, world.ops, { stopIds }))
  const after = (await day.routes()).find(({ id }: { id: string }) => id === route.id)
  expect(slotOf(after.startsAt)).toBeLessThan(slotOf(route.startsAt))
})
