// Measures reading the catalog through the gateway, beside an empty route and a route with one read of Redis:
// `npm run bench:catalog -- [--seconds 4] [--clients 1,8,32] [--profile <folder>]`.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startChild } from '@urbanbloom/local/child'
import { retryUntil } from '@urbanbloom/local/deadline'
import { freePort } from '@urbanbloom/local/ports'
import { seedPlants } from '@urbanbloom/local/seed'
import { Redis } from 'ioredis'
import pg from 'pg'
import { Pool, request } from 'undici'
import { type BenchSystem, startBenchSystem } from './bench-system.ts'
import { type CatalogRequest, catalogRequests, createAttempts, readCatalog } from './catalog-requests.ts'
import { type Attempt, runClosedLoop } from './closed-loop.ts'
import {
  costTable,
  failureLines,
  type Measurement,
  shares,
  speedTable,
  totalPerRequest,
} from './cost-report.ts'
import { type Measured, ownCpu, readCpu, usedBetween } from './cpu.ts'
import { monotonicMicroseconds, printProfiles } from './cpu-profile.ts'
import { findWarnings } from './log-warnings.ts'
import { runBenchmark } from './servers.ts'
import { figure } from './table.ts'

const WARM_UP_SECONDS = 3
const PAGES = 100
/** Read once each; a level that is faster than this many in its time ends early. */
const UNCACHED_PRODUCTS = 24_000
const MAX_REQUESTS = 100_000
const TARGET_CPU_MS = 0.5

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    clients: { type: 'string', default: '1,8,32' },
    profile: { type: 'string' },
  },
})
const levels = values.clients.split(',').map(Number)
const seconds = Number(values.seconds)

await runBenchmark(async () => {
  console.log('Starting Postgres, Redis, the six services and the payment sandbox')
  const system = await startBenchSystem({ profileFolder: values.profile })
  try {
    await seedPlants(system.deployment)
    const entries = await readCatalog(system.gatewayUrl, PAGES)
    const from = monotonicMicroseconds()
    const kinds = catalogRequests(entries, [])
    const measurements: Measurement[] = []
    for (const kind of kinds.slice(0, -1)) measurements.push(...(await measureKind(system, kind)))
    // These come last, because they make the lists longer.
    const uncachedIds = await insertProducts(system)
    const last = catalogRequests(entries, uncachedIds).at(-1)
    if (last !== undefined) measurements.push(...(await measureKind(system, last)))
    const to = monotonicMicroseconds()
    const bare = await measureBaseline(system)
    report(system, measurements, bare)
    for (const warning of await findWarnings(system.logFolder)) console.log(`! ${warning}`)
    if (values.profile !== undefined) {
      await system.stopPrograms()
      await printProfiles(values.profile, { from, to })
    }
  } finally {
    await system.close()
  }
})

async function measureKind(system: BenchSystem, kind: CatalogRequest): Promise<Measurement[]> {
  const pool = new Pool(system.gatewayUrl, { connections: Math.max(...levels) })
  try {
    const attempt = createAttempts(pool, kind)
    return await measureLevels({ title: kind.title, attempt, processes: system.processes })
  } finally {
    await pool.close()
  }
}

async function measureLevels(options: {
  title: string
  attempt: Attempt
  processes: readonly Measured[]
}): Promise<Measurement[]> {
  const { title, attempt, processes } = options
  console.log(`${title}: ${levels.join(', ')} clients for ${seconds} s each`)
  const reading = () => ({ ...readCpu(processes), load: ownCpu() })
  const maxRequests = title.includes('not cached') ? UNCACHED_PRODUCTS / (levels.length + 1) : MAX_REQUESTS
  await runClosedLoop({ clients: 8, seconds: WARM_UP_SECONDS, maxRequests, attempt })
  const measurements: Measurement[] = []
  for (const clients of levels) {
    const before = reading()
    const loop = await runClosedLoop({ clients, seconds, maxRequests, attempt })
    measurements.push({ title, loop, cpu: usedBetween(before, reading()) })
  }
  return measurements
}

/** Products that nobody has looked at. @returns their ids. */
async function insertProducts(system: BenchSystem): Promise<string[]> {
  const client = new pg.Client({ connectionString: system.adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string }>(
      `with made as (
         insert into inventory.products
           (id, sku, name, botanical_name, category, light, water, pet_safe, price_cents, weight_grams, volume_milliliters)
         select uuidv7(), 'BENCH-' || n, 'Bench plant ' || n, 'Planta mensurata', 'foliage', 'medium', 'medium', true,
           1000 + n % 5000, 1000, 4000
         from generate_series(1, $1::integer) as n returning id
       ), levels as (
         insert into inventory.stock_levels (product_id, on_hand) select id, 10 from made
       )
       select id from made`,
      [UNCACHED_PRODUCTS],
    )
    await client.query('analyze inventory.products, inventory.stock_levels')
    return rows.map(({ id }) => id)
  } finally {
    await client.end()
  }
}

/** The same loop against a program that does next to nothing. */
async function measureBaseline(system: BenchSystem): Promise<Measurement[]> {
  const redis = new Redis(system.redisUrl)
  const port = await freePort()
  const child = await startChild({
    name: 'baseline',
    command: process.execPath,
    args: [join(import.meta.dirname, 'catalog-baseline.ts'), String(port), system.redisUrl],
    env: { PATH: process.env.PATH },
    logFile: '/dev/null',
  })
  const url = `http://127.0.0.1:${port}`
  const pool = new Pool(url, { connections: Math.max(...levels) })
  try {
    await redis.set('baseline', JSON.stringify({ text: 'x'.repeat(500) }))
    await retryUntil(() => request(`${url}/empty`).then(({ body }) => body.dump()), {
      limitMs: 10_000,
      describe: 'The baseline does not answer',
    })
    const processes = [
      { name: 'Fastify', pid: child.pid },
      ...system.processes.filter(({ name }) => name === 'Redis'),
    ]
    const measurements: Measurement[] = []
    for (const [title, path] of [
      ['an empty Fastify route', '/empty'],
      ['a Fastify route that reads Redis', '/redis'],
    ] as const) {
      const attempt = createAttempts(pool, { title, status: 200, pathOf: () => path })
      measurements.push(...(await measureLevels({ title, attempt, processes })))
    }
    return measurements
  } finally {
    await pool.close()
    redis.disconnect()
    await child.stop(2_000)
  }
}

function report(
  system: BenchSystem,
  measurements: readonly Measurement[],
  bare: readonly Measurement[],
): void {
  const counted = system.counted.map(({ name }) => name)
  console.log(`\n${speedTable('', [...measurements, ...bare])}\n`)
  console.log(`${costTable(measurements, { counted, shown: ['load'] })}\n`)
  console.log(`${costTable(bare, { counted: ['Fastify', 'Redis'], shown: ['load'] })}\n`)
  const failures = failureLines([...measurements, ...bare])
  for (const line of failures) console.log(`✗ ${line}`)
  if (failures.length > 0) process.exitCode = 1
  const page = measurements[levels.length - 1]
  if (page === undefined) return
  const total = totalPerRequest(page, counted)
  const verdict = total <= TARGET_CPU_MS ? '✓ within' : '✗ above'
  const { clients } = page.loop
  console.log(
    `${verdict} the target of ${TARGET_CPU_MS} CPU-ms for a cached product page: ${figure(total)} at ${clients} clients`,
  )
  console.log(`Where the time goes on a cached product page at ${clients} clients: ${shares(page, counted)}.`)
}
