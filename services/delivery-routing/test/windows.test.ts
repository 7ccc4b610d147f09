import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHub, createWorld, expecting, inmanPark, type World, windowsOf } from './world.ts'

const HOUR_MS = 3_600_000

describe('delivery windows', () => {
  let world: World
  let now = new Date('2026-06-10T16:00:00Z')
  const list = (query: string) => world.call('GET', `/v1/delivery-windows?${query}`)
  const here = `latitude=${inmanPark.latitude}&longitude=${inmanPark.longitude}`

  beforeAll(async () => {
    world = await createWorld({ overrides: { now: () => now } })
    await createHub(world)
  })
  afterAll(() => world.close())

  it('are six of two hours on each day, by the hub’s clocks', async () => {
    const windows = await windowsOf(world, '2026-06-12')
    expect(windows.map(({ start, end }) => [start, end])).toEqual(
      [12, 14, 16, 18, 20, 22].map((hour) => [
        new Date(Date.UTC(2026, 5, 12, hour)).toISOString(),
        new Date(Date.UTC(2026, 5, 12, hour + 2)).toISOString(),
      ]),
    )
    expect(windows.every(({ available, feeCents }) => available && feeCents === 599)).toBe(true)
    expect(await windowsOf(world, '2026-06-12')).toEqual(windows)
  })

  it('are today’s that are far enough ahead and the next two days’ when no day is named', async () => {
    now = new Date('2026-06-10T17:15:00.000Z')
    const { items, nextCursor } = await expecting(200, list(here))
    expect(nextCursor).toBeNull()
    expect(items).toHaveLength(3 + 6 + 6)
    expect(items[0].start).toBe('2026-06-10T18:00:00.000Z')
    now = new Date('2026-06-10T17:15:00.001Z')
    expect((await expecting(200, list(here))).items[0].start).toBe('2026-06-10T20:00:00.000Z')
  })

  it('begin at 08:00 on the days when the clocks change', async () => {
    now = new Date('2026-03-07T06:00:00Z')
    const spring = [...(await windowsOf(world, '2026-03-07')), ...(await windowsOf(world, '2026-03-08'))]
    expect([spring[0]?.start, spring[6]?.start]).toEqual([
      '2026-03-07T13:00:00.000Z',
      '2026-03-08T12:00:00.000Z',
    ])
    now = new Date('2026-10-31T05:00:00Z')
    const autumn = [...(await windowsOf(world, '2026-10-31')), ...(await windowsOf(world, '2026-11-01'))]
    expect([autumn[0]?.start, autumn[6]?.start]).toEqual([
      '2026-10-31T12:00:00.000Z',
      '2026-11-01T13:00:00.000Z',
    ])
    const all = [...spring, ...autumn]
    expect(all.every(({ start, end }) => Date.parse(end) - Date.parse(start) === 2 * HOUR_MS)).toBe(true)
    expect(all).toHaveLength(24)
  })

  it('follow the hub’s calendar, not that of Greenwich', async () => {
    // 23:30 on the 9th in Atlanta is 03:30 on the 10th in Greenwich.
    now = new Date('2026-06-10T03:30:00Z')
    expect(await windowsOf(world, '2026-06-09')).toEqual([])
    expect(await windowsOf(world, '2026-06-10')).toHaveLength(6)
  })

  it('are offered for seven days and for no other', async () => {
    now = new Date('2026-06-10T16:00:00Z')
    expect(await windowsOf(world, '2026-06-16')).toHaveLength(6)
    expect(await windowsOf(world, '2026-06-17')).toEqual([])
    expect(await windowsOf(world, '2026-06-09')).toEqual([])
  })

  it('are made once when many ask for a new day at the same time', async () => {
    now = new Date('2026-07-01T05:00:00Z')
    const lists = await Promise.all(Array.from({ length: 8 }, () => windowsOf(world, '2026-07-02')))
    expect(new Set(lists.map((items) => items.map(({ id }) => id).join())).size).toBe(1)
    expect(lists[0]).toHaveLength(6)
  })

  it('come from the nearest hub whose radius holds the place, up to its edge', async () => {
    now = new Date('2026-06-10T05:00:00Z')
    // One degree of latitude is 111.2 km, so the edge of 8,000 m is 0.07195° north.
    const edge = (degrees: number) =>
      `latitude=${inmanPark.latitude + degrees}&longitude=${inmanPark.longitude}`
    expect((await list(edge(0.0719))).status).toBe(200)
    const outside = await list(edge(0.072))
    expect([outside.status, outside.body.code]).toEqual([422, 'outside_delivery_area'])

    const nearer = await createHub(world, { latitude: 33.8, baseFeeCents: 299 })
    const lookup = await expecting(
      200,
      world.internal('/internal/windows/lookup', { latitude: 33.79, longitude: inmanPark.longitude }),
    )
    expect(lookup).toEqual({ hubId: nearer.id, baseFeeCents: 299 })
  })

  it('come for degrees of any size, and a hub at such a place closes no other', async () => {
    now = new Date('2026-06-10T05:00:00Z')
    const island = await createHub(world, { latitude: 5e-324, longitude: 30 })
    expect((await list(here)).status).toBe(200)
    for (const tiny of [0, 5e-324, -1e-310, 1e-160, 1e-9]) {
      const place = { latitude: tiny, longitude: 30 + tiny }
      const lookup = await expecting(200, world.internal('/internal/windows/lookup', place))
      expect(lookup).toMatchObject({ hubId: island.id })
    }
    const outside = await list('latitude=1e-310&longitude=90')
    expect([outside.status, outside.body.code]).toEqual([422, 'outside_delivery_area'])
  })

  it('refuse places and days that are none', async () => {
    const bad = [
      '',
      'latitude=33.7',
      'latitude=&longitude=-84',
      'latitude=91&longitude=0',
      'latitude=0&longitude=181',
      'latitude=NaN&longitude=0',
      'latitude=x&longitude=0',
      `${here}&date=2026-02-30`,
      `${here}&date=tomorrow`,
    ]
    for (const query of bad) {
      const answer = await list(query)
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, 'validation_failed'])
    }
  })

  describe('looked up by order', () => {
    const lookup = (body: object) => world.internal('/internal/windows/lookup', { ...inmanPark, ...body })

    it('are found by their time, also where nobody has listed them yet', async () => {
      now = new Date('2026-08-03T05:00:00Z')
      const times = { start: '2026-08-05T08:00:00-04:00', end: '2026-08-05T10:00:00-04:00' }
      const found = await expecting(200, lookup(times))
      expect(found.window).toMatchObject({
        start: '2026-08-05T12:00:00.000Z',
        end: '2026-08-05T14:00:00.000Z',
        available: true,
      })
    })

    it('are refused when unknown, too soon, too far ahead or of another length', async () => {
      now = new Date('2026-08-03T11:30:00Z')
      const bad = [
        { start: '2026-08-05T12:30:00Z', end: '2026-08-05T14:30:00Z' },
        { start: '2026-08-05T12:00:00Z', end: '2026-08-05T15:00:00Z' },
        { start: '2026-08-03T12:00:00Z', end: '2026-08-03T14:00:00Z' },
        { start: '2026-08-20T12:00:00Z', end: '2026-08-20T14:00:00Z' },
        { start: '2020-08-05T12:00:00Z', end: '2020-08-05T14:00:00Z' },
      ]
      for (const times of bad) {
        const answer = await lookup(times)
        expect([times.start, answer.status, answer.body.code]).toEqual([
          times.start,
          409,
          'window_unavailable',
        ])
      }
      expect((await lookup({ latitude: 0, longitude: 0 })).body.code).toBe('outside_delivery_area')
    })
  })
})

it('windows are listed all the same when Redis is gone', async () => {
  const redis = await startRedis()
  const world = await createWorld({ redisUrl: redis.url })
  try {
    await createHub(world)
    const query = `/v1/delivery-windows?latitude=${inmanPark.latitude}&longitude=${inmanPark.longitude}`
    const before = await expecting(200, world.call('GET', query))
    await redis.stop()
    expect(await expecting(200, world.call('GET', query))).toEqual(before)
    await redis.start()
    expect(await expecting(200, world.call('GET', query))).toEqual(before)
  } finally {
    await world.close()
    await redis.close()
  }
})
