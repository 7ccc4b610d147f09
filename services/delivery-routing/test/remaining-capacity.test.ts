import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetPictures } from '../src/windows/remaining-capacity.ts'
import { codeOf, createDay, createDayWorld, date } from './day-world.ts'
import { expecting, type World, windowsOf } from './world.ts'

let world: World
let setClock: (time: string) => Promise<void>
beforeAll(async () => {
  ;({ world, setClock } = await createDayWorld())
})
afterAll(() => world.close())

type Day = Awaited<ReturnType<typeof createDay>>

async function offered(day: Day) {
  forgetPictures(world.ctx)
  return (await windowsOf(world, date, day.at)).map(({ available }) => available)
}
const lookUp = (day: Day, window: number, load?: object) => {
  forgetPictures(world.ctx)
  const { start, end } = day.windows[window]!
  return world.internal('/internal/windows/lookup', { ...day.at, start, end, load })
}
const loadOf = (weightGrams: number, transport: object = {}) => ({
  weightGrams,
  volumeMilliliters: 1_000,
  transport,
})
const hubRules = (day: Day, body: object) => world.call('PATCH', `/v1/hubs/${day.hub.id}`, world.ops, body)

describe('what is left of a day', () => {
  it('closes a window that the plan in force has no place for, and opens it with another van', async () => {
    const day = await createDay(world, { crews: 1, capacity: { weightGrams: 20_000 } })
    for (let index = 0; index < 4; index += 1) await day.order(index, 1, 5_000)
    expect(await offered(day)).toEqual([true, true, true, true, true, true])
    await day.plan()
    // The van is full for the whole day.
    expect(await offered(day)).toEqual([false, false, false, false, false, false])
    expect(await codeOf(lookUp(day, 1))).toBe('409 window_unavailable')
    const other = await createDay(world, { crews: 1 })
    expect(await offered(other)).toContain(true)
    await expecting(200, hubRules(day, { capacityCheck: 'counter' }))
    expect(await offered(day)).toEqual([true, true, true, true, true, true])
  })

  it('knows what time is left, by window', async () => {
    const day = await createDay(world, { crews: 1 })
    await world.db.query(
      `update shifts set during = tstzrange(lower(during), lower(during) + interval '4 hours') where id = $1`,
      [day.crews[0]!.shift.id],
    )
    await day.order(1, 0)
    await day.plan()
    expect(await offered(day)).toEqual([true, true, false, false, false, false])
  })

  it('counts what was sold since the plan', async () => {
    const day = await createDay(world, { crews: 1, capacity: { weightGrams: 20_000 } })
    await day.order(0, 1, 5_000)
    await day.plan()
    // Tomorrow's plan is not repaired by itself, seen from the day before.
    for (let index = 1; index < 4; index += 1) await day.order(index, 1, 5_000)
    expect(await offered(day)).not.toContain(true)
  })

  it('asks for a van with room for this very load, and able to carry it', async () => {
    const day = await createDay(world, { crews: 1, capacity: { weightGrams: 20_000 } })
    // Before there is a plan, only what no van could bring is refused.
    for (let index = 0; index < 2; index += 1) await day.order(index, 1, 5_000)
    expect((await lookUp(day, 1, loadOf(20_000))).status).toBe(200)
    expect(await codeOf(lookUp(day, 1, loadOf(20_001)))).toBe('409 window_unavailable')
    await day.plan()
    expect((await lookUp(day, 1, loadOf(10_000))).status).toBe(200)
    expect(await codeOf(lookUp(day, 1, loadOf(10_001)))).toBe('409 window_unavailable')
    expect(await codeOf(lookUp(day, 1, loadOf(1_000, { upright: true })))).toBe('409 window_unavailable')
    await world.db.query(`update vehicles set skills = '{upright}' where hub_id = $1`, [day.hub.id])
    expect((await lookUp(day, 1, loadOf(1_000, { upright: true }))).status).toBe(200)
  })

  it('is not closed to ordinary orders by one that no van can bring', async () => {
    const day = await createDay(world, { crews: 1, capacity: { weightGrams: 20_000 } })
    for (let index = 0; index < 2; index += 1) await day.order(index, 1, 4_000)
    await day.order(2, 1, 130_000)
    await day.plan()
    expect(await offered(day)).not.toContain(false)
  })

  it('says nothing before there is a plan, unless the hub asks for it, or without any shift', async () => {
    const day = await createDay(world, { crews: 1, capacity: { weightGrams: 10_000 } })
    for (let index = 0; index < 2; index += 1) await day.order(index, 1, 5_000)
    expect(await offered(day)).not.toContain(false)
    await expecting(200, hubRules(day, { capacityCheck: 'fleet' }))
    expect(await offered(day)).not.toContain(true)
    const unstaffed = await createDay(world, { crews: 0, hub: { capacityCheck: 'fleet' } })
    expect(await offered(unstaffed)).not.toContain(false)
  })

  it('leaves it to the counter when it fails, and a window that is held out is refused all the same', async () => {
    const day = await createDay(world, {
      crews: 1,
      capacity: { weightGrams: 5_000 },
      hub: { windowCapacity: 1 },
    })
    await day.order(0, 1, 5_000)
    await day.plan()
    await world.admin('alter table delivery.shifts rename to shifts_away')
    try {
      expect(await offered(day)).toEqual([true, false, true, true, true, true])
      expect((await lookUp(day, 0)).status).toBe(200)
    } finally {
      await world.admin('alter table delivery.shifts_away rename to shifts')
    }
    expect(await offered(day)).not.toContain(true)
  })

  it('takes a few milliseconds for a day of 500 stops', async () => {
    const day = await createDay(world, { crews: 20, hub: { capacityCheck: 'fleet' } })
    await world.db.query(
      `insert into deliveries (order_id, status, customer_id, window_id, holds_capacity, number, weight_grams, address)
       select gen_random_uuid(), 'confirmed', gen_random_uuid(), ($1::uuid[])[1 + n % 6], false, 'UB-1', 4000,
         jsonb_build_object('latitude', $2::float8 + (n % 23) * 0.002, 'longitude', $3::float8 + (n % 19) * 0.002)
       from generate_series(1, 500) as n`,
      [day.windows.map(({ id }) => id), day.at.latitude, day.at.longitude],
    )
    expect(await offered(day)).toHaveLength(6)
    const text = String((await world.call('GET', '/metrics')).body)
    const sum = Number(/capacity_check_duration_seconds_sum\S* (\S+)/.exec(text)?.[1])
    const count = Number(/capacity_check_duration_seconds_count\S* (\S+)/.exec(text)?.[1])
    expect(count).toBeGreaterThan(0)
    expect(Number.isFinite(sum)).toBe(true)
  })
})

describe('cut-offs', () => {
  it('are the hub’s and the window’s, for windows to come as well', async () => {
    const day = await createDay(world, {
      crews: 1,
      hub: { cutOffMinutes: 60, windowCutOffs: [{ startHour: 12, minutes: 720 }] },
    })
    const hours = async () => {
      forgetPictures(world.ctx)
      const { items } = await expecting(
        200,
        world.call(
          'GET',
          `/v1/delivery-windows?latitude=${day.at.latitude}&longitude=${day.at.longitude}&date=${date}`,
        ),
      )
      return items.length
    }
    await setClock('06:00')
    expect(await hours()).toBe(5)
    await setClock('07:30')
    expect(await hours()).toBe(4)
    await expecting(200, hubRules(day, { windowCutOffs: [], cutOffMinutes: 10 }))
    expect(await hours()).toBe(6)
    expect(await codeOf(hubRules(day, {}))).toBe('400 validation_failed')
    expect(await codeOf(hubRules(day, { name: 'x' }))).toBe('400 validation_failed')
    const [hub] = (await expecting(200, world.asOps('GET', '/v1/hubs?limit=100'))).items.filter(
      ({ id }: { id: string }) => id === day.hub.id,
    )
    expect(hub).toMatchObject({ windowCutOffs: [], cutOffMinutes: 10 })
    await setClock('06:00')
  })
})
