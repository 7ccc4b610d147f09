import { audit as auditDatabase } from '@urbanbloom/test-kit/audit'
import { createOps } from '@urbanbloom/test-kit/people'
import { createProduct } from '@urbanbloom/test-kit/shop'
import { startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { type Fault, faults } from '../src/faults.ts'
import { startOwnSystem } from '../src/own-system.ts'
import { type ServerFaultName, serverFaults } from '../src/server-faults.ts'
import { simulate } from '../src/simulate.ts'
import { summarize } from '../src/summary.ts'

/** Enough for what a day has to show: every kind of person did something. */
const ENOUGH_DELIVERED = 2
const LIMIT_MS = 200_000

test('a city with every fault at once loses, doubles and breaks nothing', { timeout: 400_000 }, async () => {
  // Whoever is at the bank when the day ends never approves; their orders are given up after this.
  await using system = await startSystem({ env: { order: { PAYMENT_ACTION_LIMIT_MS: '20000' } } })
  const ops = await createOps(system)
  for (let plant = 0; plant < 8; plant += 1) await createProduct(system, ops, { name: `Fern ${plant}` })
  const stopping = new AbortController()
  let delivered = Promise.resolve()
  let firstInTime: number | undefined

  const simulation = await simulate({
    url: system.gatewayUrl,
    ops,
    profile: {
      says: 'few people in a hurry',
      ordersPerDay: 700,
      hubs: 1,
      surges: [],
      flashSale: { atHour: 12, pieces: 4, buyers: 30 },
    },
    // The bank's own messages stay, because what they change is told by the audit below.
    faults: new Set(Object.keys(faults).filter((name) => name !== 'lost-webhooks') as Fault[]),
    speed: 240,
    startHour: 11.5,
    seed: 1,
    stop: stopping.signal,
    onBegin: ({ tally, clock }) => {
      const isEnough = () => {
        if (tally.counts.has('delivered on time')) firstInTime ??= clock.hours()
        return (
          (tally.ordersByState().get('delivered') ?? 0) >= ENOUGH_DELIVERED &&
          tally.counts.has('refused: out_of_stock') &&
          tally.counts.has('double clicks') &&
          tally.calls.has('sync')
        )
      }
      delivered = waitFor(isEnough, { describe: 'a day that shows everything', timeoutMs: LIMIT_MS })
        .then(() => undefined)
        .finally(() => stopping.abort())
      // It is awaited once everybody has gone home.
      delivered.catch(() => undefined)
    },
  })
  await delivered

  expect(simulation.world.tally.surprises).toEqual([])
  expect(simulation.audit).toMatchObject({ booksBalance: true })
  expect(simulation.audit.ordersSeen).toBeGreaterThanOrEqual(simulation.world.bought.size)
  expect(summarize(simulation)).toContain('✓ nothing was lost, doubled or broken')
  // Vans wait for windows by the simulation's clock, so some are in time, however fast it runs.
  // No window that is ahead at half past eleven begins before one.
  expect(firstInTime).toBeGreaterThanOrEqual(13)
  expect(summarize(simulation)).toMatch(/[\d.]+ % of \d+ deliveries on time/)
  await waitFor(async () => (await auditDatabase(system.database.adminUrl)).length === 0, {
    describe: 'the books of all services agree',
    timeoutMs: 60_000,
  })
})

test('a city lives through killed services, a lost Redis and a bank that is away', {
  timeout: 400_000,
}, async () => {
  const system = await startOwnSystem()
  try {
    const stopping = new AbortController()
    const turns: ServerFaultName[] = []
    const simulation = await system.withFaults(
      Object.keys(serverFaults) as ServerFaultName[],
      () =>
        simulate({
          url: system.url,
          ops: system.ops,
          profile: { says: 'few people in a hurry', ordersPerDay: 500, hubs: 1, surges: [] },
          faults: new Set<Fault>(),
          speed: 240,
          startHour: 11.5,
          seed: 3,
          stop: stopping.signal,
          hasOutages: true,
        }),
      {
        pauseMs: 3_000,
        awayMs: 1_500,
        onTurn: (name) => {
          turns.push(name)
          if (turns.length === Object.keys(serverFaults).length) stopping.abort()
        },
      },
    )
    expect(new Set(turns)).toEqual(new Set(Object.keys(serverFaults)))
    expect(simulation.world.tally.counts.get('asked again after an outage')).toBeGreaterThan(0)
    expect(simulation.world.tally.surprises).toEqual([])
    expect(simulation.world.bought.size).toBeGreaterThan(0)
    const agree = async () => {
      const broken = await auditDatabase(system.adminUrl)
      if (broken.length > 0) throw new Error(broken.join('\n'))
      return true
    }
    await waitFor(agree, { describe: 'the books of all services agree', timeoutMs: 120_000 })
  } finally {
    await system.close()
  }
})
