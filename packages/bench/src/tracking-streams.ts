// What customers who look at once cost one process of delivery-routing: memory and CPU of each stream while nothing
// happens, when every van moves, and when readers stop reading.
// `node packages/bench/src/tracking-streams.ts [--streams 2000] [--stalled 200]`.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'
import { type BenchSystem, startBenchSystem } from './bench-system.ts'
import { readCpu } from './cpu.ts'
import { runBenchmark } from './servers.ts'
import { figure, formatTable } from './table.ts'

const { values } = parseArgs({
  options: { streams: { type: 'string', default: '2000' }, stalled: { type: 'string', default: '200' } },
})
const STREAMS = Number(values.streams)
const STALLED = Number(values.stalled)
/** So many changes come to readers who do not read them. */
const UNREAD_CHANGES = 100
const VANS = 20
const OPENED_AT_A_TIME = 50
const IDLE_SECONDS = 20
const ROUNDS = 5
const ROUND_LIMIT_MS = 60_000
const MEGABYTE = 1024 * 1024

async function measure(): Promise<void> {
  const system = await startBenchSystem({ logLevel: 'warn' })
  try {
    const process = system.processes.find(({ name }) => name === 'delivery-routing')
    if (process === undefined) throw new Error('delivery-routing does not run')
    const orderIds = await seed(system)
    const watchers = new Watchers(system.urlOf('delivery-routing'))
    await watchers.open(orderIds.slice(0, OPENED_AT_A_TIME))
    watchers.close()
    await delay(2_000)

    const before = residentBytes(process.pid)
    const started = performance.now()
    await watchers.open(orderIds)
    const openedMs = performance.now() - started
    await delay(2_000)
    const after = residentBytes(process.pid)

    const idle = await cpuOf(process, () => delay(IDLE_SECONDS * 1_000))
    const rounds = await cpuOf(process, () => moveVans(system, watchers, orderIds))
    watchers.close()
    const stalled = await stopReading(system, process.pid, orderIds.slice(0, STALLED))
    console.log(
      formatTable([
        [`${STREAMS} streams of one process, load ${os.loadavg()[0]?.toFixed(1)}`, ''],
        ['open all of them, each with its state, s', figure(openedMs / 1_000)],
        ['memory before, MB', figure(before / MEGABYTE)],
        ['memory with them, MB', figure(after / MEGABYTE)],
        ['memory of a stream, KB', figure((after - before) / 1024 / STREAMS)],
        ['CPU while nothing happens, % of a core', figure(idle.cpuMs / IDLE_SECONDS / 10)],
        ['a change for every stream at once: until all have it, s', figure(rounds.result / 1_000)],
        ['CPU of a change for one stream, ms', figure(rounds.cpuMs / (ROUNDS * STREAMS))],
        [
          `${STALLED} who stopped reading, after ${UNREAD_CHANGES} changes: memory of each, KB`,
          figure(stalled),
        ],
      ]),
    )
  } finally {
    await system.close()
  }
}

/** Every order's arrival moves and is announced, as when all vans report; the mean time until everybody knows. */
async function moveVans(system: BenchSystem, watchers: Watchers, orderIds: string[]): Promise<number> {
  const redis = new Redis(system.redisUrl)
  const client = await connect(system)
  let total = 0
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await client.query(`update delivery.stops set eta = eta + interval '10 minutes'`)
      const seen = watchers.received
      const started = performance.now()
      await redis.publish('delivery-routing:streams', orderIds.map((id) => `order:${id}`).join(' '))
      while (watchers.received < seen + STREAMS) {
        if (performance.now() - started > ROUND_LIMIT_MS) {
          throw new Error(`Only ${watchers.received - seen} of ${STREAMS} streams got the change`)
        }
        await delay(5)
      }
      total += performance.now() - started
    }
  } finally {
    redis.disconnect()
    await client.end()
  }
  return total / ROUNDS
}

/** Streams whose readers read nothing: what the process keeps for each after many changes, in KB. */
async function stopReading(system: BenchSystem, pid: number, orderIds: readonly string[]): Promise<number> {
  const watchers = new Watchers(system.urlOf('delivery-routing'))
  const redis = new Redis(system.redisUrl)
  const client = await connect(system)
  try {
    await watchers.open(orderIds)
    watchers.pause()
    await delay(2_000)
    const before = residentBytes(pid)
    const streams = orderIds.map((id) => `order:${id}`).join(' ')
    for (let change = 0; change < UNREAD_CHANGES; change += 1) {
      await client.query(`update delivery.stops set eta = eta + interval '10 minutes'`)
      await redis.publish('delivery-routing:streams', streams)
      await delay(20)
    }
    await delay(2_000)
    return (residentBytes(pid) - before) / 1024 / orderIds.length
  } finally {
    watchers.close()
    redis.disconnect()
    await client.end()
  }
}

/** Browsers that look, as far as the server can tell. */
class Watchers {
  received = 0
  readonly #url: string
  #requests: http.ClientRequest[] = []
  #responses: http.IncomingMessage[] = []

  constructor(url: string) {
    this.#url = url
  }

  async open(orderIds: readonly string[]): Promise<void> {
    for (let first = 0; first < orderIds.length; first += OPENED_AT_A_TIME) {
      await Promise.all(orderIds.slice(first, first + OPENED_AT_A_TIME).map((id) => this.#openOne(id)))
    }
  }

  #openOne(orderId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = http.get(`${this.#url}/v1/tracking/${tokenOf(orderId)}/events`, { agent: false })
      this.#requests.push(request)
      request.on('error', reject)
      request.on('response', (response) => {
        if (response.statusCode !== 200)
          return reject(new Error(`A stream was answered ${response.statusCode}`))
        response.setEncoding('utf8')
        this.#responses.push(response)
        response.on('error', () => undefined)
        response.on('data', (text: string) => {
          this.received += text.split('event: tracking').length - 1
          if (text.includes('event: tracking')) resolve()
        })
      })
    })
  }

  /** Has all of them stop reading, as a phone does that lies in a pocket. */
  pause(): void {
    for (const response of this.#responses) response.pause()
  }

  close(): void {
    for (const request of this.#requests) request.destroy()
    this.#responses = []
    this.#requests = []
  }
}

async function cpuOf<T>(process: BenchSystem['processes'][number], work: () => Promise<T>) {
  const before = readCpu([process])
  const result = await work()
  const after = readCpu([process])
  return { result, cpuMs: (after[process.name] ?? 0) - (before[process.name] ?? 0) }
}

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function tokenOf(orderId: string): string {
  return `bench-${orderId}`
}

async function connect(system: BenchSystem): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: system.adminUrl })
  await client.connect()
  return client
}

/** A day of routes under way on which every order has a link; straight into the tables, because only reading counts. */
async function seed(system: BenchSystem): Promise<string[]> {
  const client = await connect(system)
  try {
    await client.query('set search_path = delivery, extensions')
    await client.query(seedSql, [VANS, STREAMS])
    const { rows } = await client.query<{ order_id: string }>(
      'select order_id from deliveries order by order_id',
    )
    const orderIds = rows.map(({ order_id }) => order_id)
    await client.query(
      `insert into tracking_links (id, order_id, token_sha256, expires_at)
       select gen_random_uuid(), order_id, hash, now() + interval '1 day'
       from unnest($1::uuid[], $2::bytea[]) as given (order_id, hash)`,
      [orderIds, orderIds.map((id) => createHash('sha256').update(tokenOf(id)).digest())],
    )
    return orderIds
  } finally {
    await client.end()
  }
}

const seedSql = `
  with hub as (
    insert into hubs (id, name, latitude, longitude, service_radius_meters, time_zone)
    values (gen_random_uuid(), 'Bench', 33.757, -84.352, 8000, 'America/New_York') returning id
  ), win as (
    insert into delivery_windows (id, hub_id, starts_at, ends_at, capacity, fee_cents)
    select gen_random_uuid(), id, now(), now() + interval '8 hours', 100000, 599 from hub returning id
  ), plan as (
    insert into plans (id, hub_id, local_date, status, version)
    select gen_random_uuid(), id, current_date, 'done', 1 from hub returning id, hub_id
  ), van as (
    select n, gen_random_uuid() as driver_id, gen_random_uuid() as vehicle_id, gen_random_uuid() as shift_id,
           gen_random_uuid() as route_id
    from generate_series(1, $1::integer) n
  ), driver as (
    insert into drivers (id, email, name, status)
    select driver_id, 'van-' || n || '@bench.test', 'Van ' || n, 'active' from van returning id
  ), vehicle as (
    insert into vehicles (id, hub_id, name, capacity_weight_grams, capacity_volume_milliliters)
    select vehicle_id, hub.id, 'Van ' || n, 1000000, 1000000 from van, hub returning id
  ), shift as (
    insert into shifts (id, driver_id, vehicle_id, hub_id, during)
    select shift_id, driver_id, vehicle_id, hub.id, tstzrange(now() - interval '1 hour', now() + interval '9 hours')
    from van, hub returning id
  ), route as (
    insert into routes (id, plan_id, hub_id, local_date, shift_id, driver_id, vehicle_id, status, distance_meters,
      duration_seconds, starts_at, ends_at, started_at, etas_at)
    select route_id, plan.id, plan.hub_id, current_date, shift_id, driver_id, vehicle_id, 'started', 1, 1, now(),
      now() + interval '8 hours', now(), now() + interval '1 day'
    from van, plan returning id
  ), delivery as (
    insert into deliveries (order_id, status, customer_id, window_id, holds_capacity, number, address)
    select gen_random_uuid(), 'loaded', gen_random_uuid(), win.id, false, 'UB-' || n,
      '{"latitude": 33.76, "longitude": -84.36}'
    from generate_series(0, $2::integer - 1) n, win returning order_id, number
  )
  insert into stops (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds, leg_meters,
    service_seconds)
  select gen_random_uuid(), van.route_id, d.order_id, 1 + split_part(d.number, '-', 2)::integer / $1, 'pending',
    now() + interval '1 hour', now() + interval '1 hour', 300, 900, 180
  from delivery d join van on van.n = 1 + split_part(d.number, '-', 2)::integer % $1`

await runBenchmark(measure)
