import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createBusinessMetrics } from '../src/metrics.ts'
import { createTravelTimes } from '../src/travel/create-travel-times.ts'
import { coordinateOf } from '../src/travel/osrm-table.ts'
import { trafficFactor } from '../src/travel/traffic.ts'
import { createGreatCircleTimes } from '../src/travel/travel-times.ts'
import { roadSeconds, startStubOsrm } from './stub-osrm.ts'

const timeZone = 'America/New_York'
/** Ten in the evening by the hub's clocks: the streets are empty and OSRM's times hold as they are. */
const night = { from: new Date('2026-03-03T03:00:00Z'), to: new Date('2026-03-03T03:30:00Z'), timeZone }
const rushHour = { from: new Date('2026-03-03T22:10:00Z'), to: new Date('2026-03-03T22:20:00Z'), timeZone }

const resources: (() => unknown)[] = []
afterEach(async () => {
  for (const close of resources.splice(0).toReversed()) await close()
})

async function setUp(options: { tableSize?: number; redisUrl?: string; osrmUrl?: string } = {}) {
  const osrm = await startStubOsrm()
  const log = createLog('test', 'silent')
  const metrics = createMetrics('test')
  const redis = createRedis(options.redisUrl ?? (await testRedisUrl()), { log, metrics })
  // What is learned while the connection is not open yet is not kept.
  if (options.redisUrl === undefined)
    await waitFor(() => redis.client.status === 'ready', { describe: 'the connection to Redis' })
  const business = createBusinessMetrics(metrics)
  const config = {
    url: options.osrmUrl ?? osrm.url,
    profile: 'driving',
    requestTimeoutMs: 300,
    limitMs: 1_500,
    tableSize: options.tableSize ?? 100,
  }
  const { times, close } = createTravelTimes(config, { redis, log, metrics: business })
  resources.push(
    () => redis.close(),
    () => osrm.close(),
    () => close(),
  )
  return { osrm, times, redis, metrics }
}

function pointsOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    latitude: 33.75 + ((index * 37) % 100) / 1_000,
    longitude: -84.36 + ((index * 61) % 97) / 1_000,
  }))
}

describe('travel times by OSRM', () => {
  it('are its durations and distances, in seconds and meters, in the order of the points', async () => {
    const { times, osrm } = await setUp()
    const points = pointsOf(5)
    const { source, count, durationsSeconds, distancesMeters } = await times.matrix(points, night)
    expect([source, count, osrm.requests.length]).toEqual(['osrm', 5, 1])
    for (const [a, from] of points.entries()) {
      for (const [b, to] of points.entries()) {
        const seconds = roadSeconds(coordinateOf(from), coordinateOf(to))
        expect(durationsSeconds[a * 5 + b]).toBe(Math.round(seconds))
        expect(distancesMeters[a * 5 + b]).toBe(Math.round(seconds * 8.3))
      }
    }
  })

  it('are put together from tables of a bounded size, whatever the number of points', async () => {
    const { times, osrm } = await setUp({ tableSize: 8 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 23 }), async (count) => {
        osrm.requests.length = 0
        const points = pointsOf(count).map((point) => ({
          ...point,
          latitude: point.latitude + Math.random(),
        }))
        const matrix = await times.matrix(points, night)
        for (const { places } of osrm.requests) expect(places.length).toBeLessThanOrEqual(8)
        const expected = points.flatMap((from) =>
          points.map((to) => Math.round(roadSeconds(coordinateOf(from), coordinateOf(to)))),
        )
        expect([...matrix.durationsSeconds]).toEqual(expected)
      }),
      { numRuns: 12 },
    )
  })

  it('are longer in the rush hour', async () => {
    const { times } = await setUp()
    const points = pointsOf(3)
    const atNight = await times.matrix(points, night)
    const later = await times.matrix(points, rushHour)
    const factor = trafficFactor(rushHour)
    expect(factor).toBeGreaterThan(1.2)
    expect(later.durationsSeconds[1]).toBeCloseTo((atNight.durationsSeconds[1] ?? 0) * factor, -1)
    expect(later.distancesMeters).toEqual(atNight.distancesMeters)
  })

  it('come from the cache for the same legs in the same hour, and only what is missing is asked for', async () => {
    const { times, osrm, redis } = await setUp()
    const points = pointsOf(6)
    const first = await times.matrix(points, night)
    await waitFor(async () => (await redis.client.keys('*legs*')).length === 6, { describe: 'the cache' })
    const nearly = points.map(({ latitude, longitude }) => ({ latitude, longitude: longitude + 1e-7 }))
    expect(await times.matrix(nearly, night)).toEqual(first)
    expect(osrm.requests).toHaveLength(1)
    await times.matrix(points, rushHour)
    expect(osrm.requests).toHaveLength(2)
    for (const key of await redis.client.keys('*legs*')) {
      const ttl = await redis.client.ttl(key)
      expect(ttl).toBeGreaterThan(4 * 3_600)
      expect(ttl).toBeLessThan(8 * 3_600)
    }
  })

  it('need no Redis', async () => {
    const { times, osrm } = await setUp({ redisUrl: 'redis://127.0.0.1:1' })
    for (const _ of [1, 2]) expect((await times.matrix(pointsOf(3), night)).source).toBe('osrm')
    expect(osrm.requests).toHaveLength(2)
  })

  it('come from the model for legs without a way, and say so', async () => {
    const { times, osrm, redis } = await setUp()
    const points = pointsOf(3)
    osrm.next((request) => {
      const answer = osrm.table(request) as { body: { durations: (number | null)[][] } }
      const row = answer.body.durations[0]
      if (row !== undefined) row[2] = null
      return answer
    })
    const matrix = await times.matrix(points, night)
    const model = await createGreatCircleTimes().matrix(points, night)
    expect(matrix.source).toBe('osrm_partial')
    expect(matrix.durationsSeconds[2]).toBe(model.durationsSeconds[2])
    expect(matrix.durationsSeconds[6]).not.toBe(model.durationsSeconds[6])
    await waitFor(async () => (await redis.client.keys('*legs*')).length === 3, { describe: 'the cache' })
    // The leg was not remembered, so it is asked for again.
    expect((await times.matrix(points, night)).source).toBe('osrm')
    expect(osrm.requests).toHaveLength(2)
  })

  it('are tried again after a failure that passes', async () => {
    const { times, osrm } = await setUp()
    osrm.next(
      () => ({ status: 429, headers: { 'retry-after': '0' }, body: { message: 'Too Many Requests' } }),
      () => ({ status: 502, body: '<html>' }),
    )
    expect((await times.matrix(pointsOf(3), night)).source).toBe('osrm')
    expect(osrm.requests).toHaveLength(3)
  })
})

const failures = {
  NoTable: { status: 400, body: { code: 'NoTable', message: 'No table found' } },
  TooBig: { status: 400, body: { code: 'TooBig', message: 'Too many table coordinates' } },
  'an error code with status 200': { body: { code: 'NoSegment' } },
  'a limit that lasts': { status: 429, headers: { 'retry-after': '60' }, body: {} },
  'server errors': { status: 503, body: '' },
  'no answer': { never: true },
  'something else than JSON': { body: '<html>busy</html>' },
  'something else than a table': { body: { code: 'Ok', durations: 'none' } },
  'negative times': { body: { code: 'Ok', durations: [[0, -1]], distances: [[0, 1]] } },
  'too few rows': { body: { code: 'Ok', durations: [[0, 1, 2]], distances: [[0, 1, 2]] } },
  'rows of another length': {
    body: { code: 'Ok', durations: [[0], [1], [2]], distances: [[0], [1], [2]] },
  },
  'no distances': {
    body: {
      code: 'Ok',
      durations: [
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
      ],
    },
  },
}

describe('the model answers, and says so, when OSRM gives', () => {
  it.each(Object.entries(failures))('%s', async (_name, answer) => {
    const { times, osrm, metrics } = await setUp()
    osrm.answerAlways(() => answer)
    const points = pointsOf(3)
    const matrix = await times.matrix(points, night)
    const model = await createGreatCircleTimes().matrix(points, night)
    expect(matrix).toEqual({ ...model, source: 'great_circle_fallback' })
    const isFinal = (answer as { status?: number }).status !== 503 && !('never' in answer)
    expect(osrm.requests).toHaveLength(isFinal ? 1 : 3)
    const { text } = await metrics.expose(undefined)
    expect(text).toMatch(/travel_matrices_total\{[^}]*source="great_circle_fallback"[^}]*\} 1\n/)
    osrm.answerAlways(undefined)
    expect((await times.matrix(points, night)).source).toBe('osrm')
  })

  it('no connection', async () => {
    const { times } = await setUp({ osrmUrl: 'http://127.0.0.1:1' })
    expect((await times.matrix(pointsOf(3), night)).source).toBe('great_circle_fallback')
  })

  it('nothing for so long that it is left alone for a while', async () => {
    const { times, osrm } = await setUp()
    osrm.answerAlways(() => ({ status: 500 }))
    for (const _ of [1, 2]) await times.matrix(pointsOf(3), night)
    const asked = osrm.requests.length
    expect(asked).toBe(5)
    expect((await times.matrix(pointsOf(3), night)).source).toBe('great_circle_fallback')
    expect(osrm.requests).toHaveLength(asked)
  })
})
