import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { expect, onTestFinished, test } from 'vitest'
import { runLocalDrill } from '../src/local-drill.ts'

/** The short form of `npm run drill`: one process of each service is rolled, one is scaled, at less load. */
test('rolling every service and scaling one under load fails no request, loses no order and misses no event', {
  timeout: 180_000,
}, async () => {
  await using database = await createTestDatabase()
  const logFolder = await mkdtemp(join(tmpdir(), 'urbanbloom-drill-'))
  onTestFinished(() => rm(logFolder, { recursive: true, force: true }))

  const { load, rolls, usage, problems } = await runLocalDrill({
    adminUrl: database.adminUrl,
    databaseUrlFor: database.urlFor,
    redisUrl: await testRedisUrl(),
    logFolder: process.env.TEST_LOGS ?? logFolder,
    ratePerSecond: 20,
    minSeconds: 10,
    rolledReplicas: 1,
    scaledUnits: ['order'],
    scaledDownMs: 500,
    restMs: 0,
    steadyMs: 0,
    preStopMs: 500,
    drainDelayMs: 1_500,
    probeEveryMs: 250,
  })
  expect(problems).toEqual([])
  expect(rolls).toHaveLength(7)
  // Otherwise the drill has proven nothing.
  expect(load.kinds.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['checkout', 'login', 'driver', 'plan']),
  )
  expect(load.orders).toBeGreaterThan(20)
  expect(load.streamReconnects).toBeGreaterThan(0)
  if (process.platform === 'linux')
    expect(usage.every(({ peakMebibytes = 0 }) => peakMebibytes > 30)).toBe(true)
})
