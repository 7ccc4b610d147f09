// Compares two Postgres queues as carriers of events: `node packages/bench/src/queue.ts`. The decision that rests
// on it is docs/adr/0003-queue.md.
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import pg from 'pg'
import { type CpuTimes, type Measured, ownCpu, readCpu, usedBetween } from './cpu.ts'
import { graphileWorker, pgBoss, type Queue } from './queues.ts'
import { runBenchmark, type Servers, startServers } from './servers.ts'
import { figure, formatTable } from './table.ts'

const JOBS = 10_000
const CONNECTIONS = 4
const DELAY_SAMPLES = 200
const DRAIN_LIMIT_MS = 60_000

type Cost = { seconds: number; nodeMs: number; postgresMs: number }

await runBenchmark(async () => {
  const servers = await startServers()
  const pool = new pg.Pool({ connectionString: servers.adminUrl, max: 10 })
  // A connection that breaks fails its statement; nobody else has to hear of it.
  const ignore = () => undefined
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))
  try {
    await pool.query('create table facts (sequence integer not null)')
    await pool.query('create table handled (sequence integer not null)')
    const queues = [
      graphileWorker({ batches: false }),
      graphileWorker({ batches: true }),
      pgBoss(servers.adminUrl),
    ]
    const rows = [
      ['queue', 'enqueued/s', '+ CPU-ms Node', '+ Postgres', 'handled/s', 'CPU-ms Node', 'Postgres'],
    ]
    const delays = [['from commit to start, idle', 'median ms', 'p95 ms']]
    // The first round pays for compiling and for new connections.
    await writeFacts(servers, pool, JOBS / 4)
    for (const queue of queues) {
      await queue.setUp(pool)
      const bare = await writeFacts(servers, pool, JOBS)
      const enqueued = await writeFacts(servers, pool, JOBS, queue)
      const drained = await drain(servers, pool, queue)
      rows.push([
        queue.name,
        figure(JOBS / enqueued.seconds),
        figure((enqueued.nodeMs - bare.nodeMs) / JOBS),
        figure((enqueued.postgresMs - bare.postgresMs) / JOBS),
        figure(JOBS / drained.seconds),
        figure(drained.nodeMs / JOBS),
        figure(drained.postgresMs / JOBS),
      ])
      const idle = await idleDelays(pool, queue)
      delays.push([queue.name, figure(at(idle, 0.5)), figure(at(idle, 0.95))])
    }
    console.log(
      `${JOBS} transactions of one insert and one enqueue over ${CONNECTIONS} connections ("+" is on top of the bare ` +
        'transaction), then worked off with one insert each:\n',
    )
    console.log(`${formatTable(rows)}\n\n${formatTable(delays)}`)
  } finally {
    await pool.end()
    await servers.close()
  }
})

/** Commits `count` facts, each with a job where a queue is given. */
function writeFacts(servers: Servers, pool: pg.Pool, count: number, queue?: Queue): Promise<Cost> {
  return measure(servers.processes, async () => {
    let next = 0
    const work = async () => {
      const client = await pool.connect()
      try {
        for (let sequence = next++; sequence < count; sequence = next++) {
          await client.query('begin')
          await client.query({
            name: 'fact',
            text: 'insert into facts (sequence) values ($1)',
            values: [sequence],
          })
          await queue?.enqueue(client, sequence)
          await client.query('commit')
        }
      } finally {
        client.release()
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, work))
  })
}

/** Works off all jobs that wait. @throws unless each was handled exactly once. */
async function drain(servers: Servers, pool: pg.Pool, queue: Queue): Promise<Cost> {
  await pool.query('truncate handled')
  let handled = 0
  const done = Promise.withResolvers<void>()
  const cost = await measure(servers.processes, async () => {
    const timer = setTimeout(
      () =>
        done.reject(new Error(`${queue.name} handled ${handled} of ${JOBS} jobs in ${DRAIN_LIMIT_MS} ms`)),
      DRAIN_LIMIT_MS,
    )
    await queue.start(pool, async (sequence) => {
      await handle(pool, sequence)
      handled += 1
      if (handled === JOBS) done.resolve()
    })
    await done.promise.finally(() => clearTimeout(timer))
  })
  const { rows } = await pool.query<{ all: string; distinct: string }>(
    'select count(*) as all, count(distinct sequence) as distinct from handled',
  )
  const [row] = rows
  if (Number(row?.all) !== JOBS || Number(row?.distinct) !== JOBS) {
    throw new Error(
      `${queue.name} handled ${row?.all} jobs, ${row?.distinct} different ones, instead of ${JOBS}`,
    )
  }
  await queue.stop()
  return cost
}

/** The times from commit to start of single jobs on a queue that has nothing else to do, ascending. */
async function idleDelays(pool: pg.Pool, queue: Queue): Promise<number[]> {
  const fresh = queue.name.startsWith('pg-boss') ? pgBoss(String(pool.options.connectionString)) : queue
  if (fresh !== queue) await fresh.setUp(pool)
  const startedAt = new Map<number, number>()
  await fresh.start(pool, async (sequence) => {
    startedAt.set(sequence, performance.now())
  })
  const delays: number[] = []
  const client = await pool.connect()
  try {
    for (let sequence = 0; sequence < DELAY_SAMPLES; sequence += 1) {
      await client.query('begin')
      await fresh.enqueue(client, sequence)
      await client.query('commit')
      const committed = performance.now()
      const started = await waitFor(() => startedAt.get(sequence), { describe: `job ${sequence} starts` })
      delays.push(started - committed)
    }
  } finally {
    client.release()
    await fresh.stop()
  }
  return delays.toSorted((a, b) => a - b)
}

async function handle(pool: pg.Pool, sequence: number): Promise<void> {
  await pool.query({ name: 'handle', text: 'insert into handled (sequence) values ($1)', values: [sequence] })
}

async function measure(processes: readonly Measured[], work: () => Promise<void>): Promise<Cost> {
  const read = (): CpuTimes => ({ ...readCpu(processes), Node: ownCpu() })
  const before = read()
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1_000
  const used = usedBetween(before, read())
  return { seconds, nodeMs: used.Node ?? 0, postgresMs: used.Postgres ?? 0 }
}

function at(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? Number.NaN
}
