// Measures positions of vans through the gateway, in an open loop, so that a slow answer delays no other batch:
// `node packages/bench/src/positions.ts [--rate 2000] [--batch 20] [--drivers 2000] [--seconds 30]`.
import { mkdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { freePort } from '@urbanbloom/local/ports'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import { type ProgramName, programNames } from '@urbanbloom/local/programs'
import { generateSecrets } from '@urbanbloom/local/secrets'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import { ranks } from '@urbanbloom/local/supervisor'
import pg from 'pg'
import { Pool } from 'undici'
import { ownCpu, readCpu, usedBetween } from './cpu.ts'
import { insertFleet, recordedPositions, startKeyServer } from './position-fleet.ts'
import { runBenchmark, startServers } from './servers.ts'
import { figure, formatTable } from './table.ts'

const WARM_UP_SECONDS = 5
const READY_LIMIT_MS = 60_000
const TIMEOUT_MS = 10_000

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    batch: { type: 'string', default: '20' },
    drivers: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '30' },
  },
})
const [rate, batch, drivers, seconds] = [values.rate, values.batch, values.drivers, values.seconds].map(
  Number,
) as [number, number, number, number]

await runBenchmark(async () => {
  console.log('Starting Postgres, Redis, delivery-routing and the gateway')
  const servers = await startServers({ postgresSettings: {} })
  const keys = await startKeyServer()
  try {
    const { deployment, processes } = await startPrograms(servers, keys.url)
    const deliveryUrl = deployment.databaseUrlFor('delivery-routing')
    const ids = await insertFleet(deliveryUrl, drivers)
    const tokens = ids.map((id) => keys.tokenFor(id))
    const pool = new Pool(urlOf('gateway', deployment), { connections: 128, headersTimeout: TIMEOUT_MS })
    await send(pool, tokens, WARM_UP_SECONDS)
    const before = readCpu(processes)
    const ownBefore = ownCpu()
    const result = await send(pool, tokens, seconds)
    const cpu = usedBetween(before, readCpu(processes))
    await report(result, { ...cpu, '(this program)': ownCpu() - ownBefore }, deliveryUrl)
    await pool.close()
  } finally {
    keys.close()
    await servers.close()
  }
})

async function startPrograms(servers: Awaited<ReturnType<typeof startServers>>, authUrl: string) {
  await runStatement(servers.adminUrl, 'create database urbanbloom')
  const adminUrl = withUrlParts(servers.adminUrl, { database: 'urbanbloom' })
  const secrets = generateSecrets()
  await migrateDatabase({ adminUrl, rolePasswords: secrets.rolePasswords })
  const role = 'delivery_routing_service'
  const password = secrets.rolePasswords[role] ?? ''
  const ports = Object.fromEntries(
    await Promise.all(programNames.map(async (name) => [name, await freePort()])),
  )
  const deployment: Deployment = {
    ports: ports as Deployment['ports'],
    databaseUrlFor: () => withUrlParts(adminUrl, { user: role, password }),
    redisUrl: servers.redisUrl,
    secrets,
    logLevel: 'info',
    objectsFolder: join(servers.folder, 'objects'),
  }
  const logFolder = join(servers.folder, 'logs')
  await mkdir(logFolder)
  const start = async (program: ProgramName) => {
    const env = { AUTH_URL: authUrl, RATE_LIMIT_PER_MINUTE: '6000000' }
    const child = await startProgram(program, deployment, { logFolder, env })
    await servers.supervisor.add(child, program === 'gateway' ? ranks.gateway : ranks.service, program)
    await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
    return { name: program, pid: child.pid }
  }
  const programs = await Promise.all([start('delivery-routing'), start('gateway')])
  return { deployment, processes: [...programs, ...servers.processes] }
}

type Result = { latencies: number[]; failures: Map<string, number>; seconds: number; accepted: number }

/** Each batch goes out at its time, whatever became of those before; its latency counts from that time. */
async function send(pool: Pool, tokens: readonly string[], forSeconds: number): Promise<Result> {
  const result: Result = { latencies: [], failures: new Map(), seconds: 0, accepted: 0 }
  const perSecond = rate / batch
  const start = performance.now()
  const pending: Promise<void>[] = []
  for (let index = 0; index < perSecond * forSeconds; index += 1) {
    const due = start + (index * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    const driver = index % tokens.length
    pending.push(sendOne(pool, { token: tokens[driver] ?? '', driver, due }, result))
  }
  await Promise.all(pending)
  result.seconds = (performance.now() - start) / 1000
  return result
}

async function sendOne(
  pool: Pool,
  { token, driver, due }: { token: string; driver: number; due: number },
  result: Result,
): Promise<void> {
  try {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/v1/driver/positions',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ positions: recordedPositions(driver, Date.now(), batch) }),
    })
    const text = await body.text()
    if (statusCode !== 202) throw new Error(`${statusCode} ${text.slice(0, 200)}`)
    result.latencies.push(performance.now() - due)
    result.accepted += (JSON.parse(text) as { accepted: number }).accepted
  } catch (err) {
    const what = err instanceof Error ? err.message : String(err)
    result.failures.set(what, (result.failures.get(what) ?? 0) + 1)
  }
}

async function report(
  result: Result,
  cpu: Readonly<Record<string, number>>,
  databaseUrl: string,
): Promise<void> {
  const sorted = result.latencies.toSorted((a, b) => a - b)
  const at = (share: number) =>
    figure(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN)
  const failures = [...result.failures.values()].reduce((sum, count) => sum + count, 0)
  const [one] = loadavg()
  console.log(`\n${drivers} vans, batches of ${batch}; load of the machine ${figure(one ?? Number.NaN)}`)
  console.log(
    formatTable([
      ['', 'batches/s', 'positions/s', 'accepted', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms', 'failures'],
      [
        'through the gateway',
        figure(sorted.length / result.seconds),
        figure((sorted.length * batch) / result.seconds),
        String(result.accepted),
        ...[0.5, 0.95, 0.99, 1].map(at),
        String(failures),
      ],
    ]),
  )
  const positions = sorted.length * batch
  console.log(
    `\n${formatTable([
      ['CPU', 'ms for a position', 'ms for a batch', 'cores'],
      ...Object.entries(cpu).map(([name, ms]) => [
        name,
        figure(ms / positions),
        figure(ms / sorted.length),
        figure(ms / 1000 / result.seconds),
      ]),
    ])}`,
  )
  for (const [what, count] of result.failures) console.log(`! ${count} times ${what}`)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ kept: number }>(
    'select count(*)::integer as kept from position_tracks',
  )
  await client.end()
  console.log(`\nThe thinned track has ${rows[0]?.kept} points.`)
}
