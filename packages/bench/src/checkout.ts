// Measures checkout through the gateway, beside the same SQL without anything around it:
// `npm run bench:checkout -- [--seconds 10] [--clients 1,8,32] [--log-level info]
// [--profile <folder>]`.
import { parseArgs } from 'node:util'
import { serviceSchemas } from '@urbanbloom/database/roles'
import { createLog } from '@urbanbloom/service-kit/log'
import { recurring } from '@urbanbloom/service-kit/recurring'
import pg from 'pg'
import { type BenchSystem, startBenchSystem } from './bench-system.ts'
import { findContradictions, waitUntilDrained } from './check-checkouts.ts'
import { type Attempt, failureCount, runClosedLoop } from './closed-loop.ts'
import {
  costTable,
  failureLines,
  type Measurement,
  shares,
  speedTable,
  totalPerRequest,
} from './cost-report.ts'
import { type CpuTimes, ownCpu, readCpu, readKernelCpu, usedBetween } from './cpu.ts'
import { monotonicMicroseconds, printProfiles } from './cpu-profile.ts'
import { findWarnings } from './log-warnings.ts'
import { countStatements, recordStatements, type Transaction } from './record-statements.ts'
import { createReplay } from './replay-statements.ts'
import { runBenchmark } from './servers.ts'
import { createCheckouts, prepareShop, type Shop } from './shop-load.ts'
import { printStatementCosts, resetStatementCosts } from './statement-costs.ts'
import { figure } from './table.ts'

const MAX_REQUESTS = 20_000
/** Enough for the services' code to be compiled, or half a minute on a slow machine. */
const WARM_UP_CHECKOUTS = 600
const WARM_UP_SECONDS = 30
const TARGET_CPU_MS = 15
const RECORDED_RUNS = 5
const SWEEP_MS = 250
const deleteJobs = serviceSchemas.map(({ schema }) => `delete from ${schema}_jobs._private_jobs`).join('; ')

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    clients: { type: 'string', default: '1,8,32' },
    profile: { type: 'string' },
    'log-level': { type: 'string', default: 'info' },
  },
})
const levels = values.clients.split(',').map(Number)
const seconds = Number(values.seconds)

await runBenchmark(async () => {
  console.log('Starting Postgres (fsync on), Redis, the six services and the payment sandbox')
  const system = await startBenchSystem({ profileFolder: values.profile, logLevel: values['log-level'] })
  const db = new pg.Pool({ connectionString: system.adminUrl, max: 2 })
  db.on('error', () => undefined)
  try {
    const shop = await prepareShop(system, Math.max(...levels))
    const run = await measureCheckouts(system, db, shop)
    const recorded = await recordCheckouts(system, db, shop)
    const wrong = await findContradictions(db, run.answered + RECORDED_RUNS)
    const warnings = await findWarnings(system.logFolder)
    await system.stopPrograms()
    const raw = await measureRawSql(system, db, shop, recorded)
    report(system, run.measurements, raw)
    for (const warning of warnings) console.log(`! ${warning}`)
    if (values.profile !== undefined) await printProfiles(values.profile, run)
    conclude(system, run.measurements, wrong)
  } finally {
    await db.end()
    await system.close()
  }
})

type Run = { measurements: Measurement[]; answered: number; from: number; to: number }

async function measureCheckouts(system: BenchSystem, db: pg.Pool, shop: Shop): Promise<Run> {
  const checkouts = createCheckouts(system, shop)
  const settle = () => waitUntilDrained(db)
  const reading = (): CpuTimes => ({
    ...readCpu(system.processes),
    load: ownCpu(),
    kernel: readKernelCpu(system.counted),
  })
  try {
    console.log(`Warming up with ${WARM_UP_CHECKOUTS} checkouts`)
    const warmUp = await measure({
      ...checkouts,
      title: 'warm-up',
      clients: 8,
      seconds: WARM_UP_SECONDS,
      maxRequests: WARM_UP_CHECKOUTS,
      settle,
      reading,
    })
    if (values.profile !== undefined) await resetStatementCosts(db)
    const measurements: Measurement[] = []
    const from = monotonicMicroseconds()
    for (const clients of levels) {
      console.log(`${clients} clients for ${seconds} s, then until the queues are empty`)
      measurements.push(await measure({ ...checkouts, title: 'checkout', clients, seconds, settle, reading }))
    }
    const succeeded = measurements.reduce((sum, { loop }) => sum + loop.succeeded, 0)
    if (values.profile !== undefined) await printStatementCosts(db, succeeded)
    if (failureCount(warmUp.loop) > 0) throw new Error(failureLines([warmUp]).join('\n'))
    const answered = warmUp.loop.succeeded + succeeded
    return { measurements, answered, from, to: monotonicMicroseconds() }
  } finally {
    await checkouts.close()
  }
}

async function recordCheckouts(system: BenchSystem, db: pg.Pool, shop: Shop): Promise<Transaction[]> {
  console.log('Recording the statements of a checkout')
  const checkouts = createCheckouts(system, shop)
  const { postgresFolder } = system
  try {
    return await recordStatements(
      { db, postgresFolder, roles: serviceSchemas.map(({ role }) => role), runs: RECORDED_RUNS },
      async () => {
        const wrong = await checkouts.attempt(0)
        if (wrong !== undefined) throw new Error(`The recorded checkout failed: ${wrong}`)
        await waitUntilDrained(db)
      },
    )
  } finally {
    await checkouts.close()
  }
}

/** The same statements in the same transactions with the same roles, but for the queue's own, from one bare client. */
async function measureRawSql(
  system: BenchSystem,
  db: pg.Pool,
  { customers, productIds, windows }: Shop,
  transactions: readonly Transaction[],
): Promise<{ measurements: Measurement[]; transactions: readonly Transaction[] }> {
  const hubs = await db.query<{ id: string }>('select id from delivery.hubs')
  const offered = await db.query<{ id: string }>(
    'select id from delivery.delivery_windows where starts_at = any($1::timestamptz[])',
    [windows.map(({ start }) => start)],
  )
  const replay = createReplay({
    transactions,
    urlOf: (role) =>
      system.databaseUrlFor(serviceSchemas.find((target) => target.role === role)?.service ?? role),
    kept: new Set([...customers, ...hubs.rows].map(({ id }) => id)),
    choices: [productIds, offered.rows.map(({ id }) => id)],
  })
  const servers = system.processes.filter(({ name }) => name === 'Postgres')
  const reading = (): CpuTimes => ({ ...readCpu(servers), 'pg client': ownCpu() })
  const settle = async () => undefined
  const before = await countOrders(db)
  // Nobody works off what is enqueued now, and a queue that only grows would slow the next enqueue down.
  const sweep = recurring('sweep_jobs', SWEEP_MS, () => db.query(deleteJobs), createLog('bench', 'warn'))
  try {
    const run = (clients: number, duration: number) =>
      measure({ ...replay, title: 'raw SQL', clients, seconds: duration, settle, reading })
    const warmUp = await run(8, 2)
    const measurements: Measurement[] = []
    for (const clients of levels) {
      console.log(`Raw SQL, ${clients} clients for ${seconds / 2} s`)
      measurements.push(await run(clients, seconds / 2))
    }
    const replayed = [warmUp, ...measurements].reduce((sum, { loop }) => sum + loop.succeeded, 0)
    const confirmed = (await countOrders(db)) - before
    const failed = failureLines([warmUp, ...measurements])
    if (failed.length > 0 || confirmed !== replayed) {
      throw new Error(`${replayed} replays confirmed ${confirmed} orders\n${failed.slice(0, 10).join('\n')}`)
    }
    return { measurements, transactions }
  } finally {
    await sweep()
    await replay.close()
  }
}

async function countOrders(db: pg.Pool): Promise<number> {
  const { rows } = await db.query(`select count(*) as orders from orders.orders where status = 'confirmed'`)
  return Number(rows[0]?.orders)
}

async function measure(options: {
  title: string
  clients: number
  seconds: number
  maxRequests?: number
  attempt: Attempt
  settle: () => Promise<void>
  reading: () => CpuTimes
}): Promise<Measurement> {
  const before = options.reading()
  const loop = await runClosedLoop({ maxRequests: MAX_REQUESTS, ...options })
  await options.settle()
  return { title: options.title, loop, cpu: usedBetween(before, options.reading()) }
}

function report(
  system: BenchSystem,
  checkouts: readonly Measurement[],
  raw: { measurements: readonly Measurement[]; transactions: readonly Transaction[] },
): void {
  const counted = system.counted.map(({ name }) => name)
  const statements = countStatements(raw.transactions)
  console.log(
    `\nTwo lines over 24 hot products, tomorrow's windows of one hub; the event trail is included.\n`,
  )
  console.log(`${speedTable('', [...checkouts, ...raw.measurements])}\n`)
  console.log(`${costTable(checkouts, { counted, shown: ['payment-sandbox', 'load'] })}\n`)
  console.log(`${costTable(raw.measurements, { counted: ['pg client', 'Postgres'], shown: [] })}\n`)
  console.log(
    `Raw SQL: the ${statements} statements of one checkout in ${raw.transactions.length} transactions, as recorded ` +
      'from the services, without the queue’s fetching and completing of jobs.',
  )
  for (const [index, measurement] of checkouts.entries()) {
    const own = totalPerRequest(measurement, counted)
    const bare = raw.measurements[index]
    if (bare === undefined) continue
    const ratio = own / totalPerRequest(bare, ['pg client', 'Postgres'])
    console.log(`${measurement.loop.clients} clients: ${figure(ratio)} times the CPU of the raw SQL`)
  }
}

function conclude(
  system: BenchSystem,
  checkouts: readonly Measurement[],
  contradictions: readonly string[],
): void {
  const counted = system.counted.map(({ name }) => name)
  const failures = failureLines(checkouts)
  for (const line of [...failures, ...contradictions]) console.log(`✗ ${line}`)
  if (failures.length + contradictions.length > 0) process.exitCode = 1
  else console.log('✓ no failure; orders, stock, windows, payments and answers agree; no dead letter')
  const last = checkouts.at(-1)
  if (last === undefined) return
  const total = totalPerRequest(last, counted)
  const verdict = total <= TARGET_CPU_MS ? '✓ within' : '✗ above'
  console.log(
    `${verdict} the target of ${TARGET_CPU_MS} CPU-ms for one checkout: ${figure(total)} at ${last.loop.clients} clients`,
  )
  const kernelShare = Math.round((100 * (last.cpu.kernel ?? 0)) / last.loop.succeeded / total)
  console.log(
    `Where the time goes at ${last.loop.clients} clients: ${shares(last, counted)}; ` +
      `${kernelShare} % of all is spent in the kernel, for sockets and files.`,
  )
}
