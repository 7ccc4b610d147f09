import { isDeepStrictEqual } from 'node:util'
import { createApiClient } from '@urbanbloom/local/api-client'
import type { Person } from '@urbanbloom/test-kit/people'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { Pool } from 'undici'
import { createDispatcher } from './dispatcher.ts'
import { type EventFollower, followEvents } from './event-follower.ts'
import { type KindResult, startOpenLoop } from './open-loop.ts'
import type { Business, Population } from './population.ts'
import { type Bought, createDeck, createTraffic } from './traffic.ts'

const DRIVER_STREAMS = 3
const TRACKING_STREAMS = 3
const CONNECTIONS = 64
/**
 * A load balancer sends nothing to a gateway that it has taken out of rotation, on old connections neither. The
 * balancer here only knows new ones, so old ones are given up in less than the time that a gateway takes to stop.
 */
const IDLE_MAX_MS = 900
const ANSWER_LIMIT_MS = 30_000
const SETTLE_LIMIT_MS = 30_000
const LIVE_STATUSES = new Set(['confirmed', 'scheduled'])

export type LoadReport = {
  seconds: number
  kinds: KindResult[]
  streams: number
  streamReconnects: number
  orders: number
  /** Everything that was not as it must be, in words; empty when no request failed and nothing was lost. */
  problems: string[]
}

/**
 * Runs `work` while requests come at a constant rate and streams are followed, for at least `minSeconds`. Then
 * everything that clients were told is held against what the system says afterwards.
 */
export async function runUnderLoad(
  population: Population,
  options: { ratePerSecond: number; minSeconds: number; work: () => Promise<void> },
): Promise<LoadReport> {
  const { gatewayUrl } = population
  const pool = new Pool(gatewayUrl, {
    connections: CONNECTIONS,
    keepAliveTimeout: IDLE_MAX_MS,
    keepAliveMaxTimeout: IDLE_MAX_MS,
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
  })
  const { business } = population
  const followers = business === undefined ? nobody : follow(gatewayUrl, business)
  await waitFor(() => followers.all.every((follower) => follower.isConnected()), {
    describe: 'every event stream is open',
  })
  const bought: Bought = new Map(business?.routed.map(({ orderId, customer }) => [orderId, customer]))
  const dispatcher = business === undefined ? undefined : createDispatcher(pool, business)
  const send = createTraffic(pool, population, bought)
  const loop = startOpenLoop({ ratePerSecond: options.ratePerSecond, next: createDeck(send), send })
  let seconds = 0
  try {
    await options.work()
    await untilElapsed(loop.elapsedSeconds, options.minSeconds)
    seconds = loop.elapsedSeconds()
  } finally {
    await Promise.all([loop.stop(), dispatcher?.stop()])
  }
  const kinds = [...loop.results(), ...(dispatcher === undefined ? [] : [dispatcher.result])]
  try {
    const problems = [
      ...kinds.flatMap(({ failures }) => failures),
      ...followers.all.flatMap(({ failures }) => failures),
      ...(business === undefined ? [] : await checkStreams(gatewayUrl, business, followers)),
      ...(await checkOrders(population, bought)),
    ]
    const streamReconnects = followers.all.reduce((sum, follower) => sum + follower.reconnects(), 0)
    return { seconds, kinds, problems, streams: followers.all.length, streamReconnects, orders: bought.size }
  } finally {
    await Promise.all(followers.all.map((follower) => follower.stop()))
    await pool.destroy()
  }
}

type Followers = {
  driver: readonly EventFollower[]
  tracking: readonly { orderId: string; customer: Person; follower: EventFollower }[]
  all: readonly EventFollower[]
}

const nobody: Followers = { driver: [], tracking: [], all: [] }

function follow(gatewayUrl: string, { driver, routed }: Business): Followers {
  const driverUrl = `${gatewayUrl}/v1/driver/route/events`
  const drivers = Array.from({ length: DRIVER_STREAMS }, () => followEvents({ url: driverUrl, who: driver }))
  const tracking = routed.slice(0, TRACKING_STREAMS).map(({ orderId, customer }) => {
    const url = `${gatewayUrl}/v1/orders/${orderId}/tracking/events`
    return { orderId, customer, follower: followEvents({ url, who: customer }) }
  })
  return { driver: drivers, tracking, all: [...drivers, ...tracking.map(({ follower }) => follower)] }
}

async function untilElapsed(elapsedSeconds: () => number, minSeconds: number): Promise<void> {
  const leftMs = (minSeconds - elapsedSeconds()) * 1_000
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs))
}

/** The driver's streams must hold every number up to the newest; the customers' must end with the present state. */
async function checkStreams(
  gatewayUrl: string,
  business: Business,
  { driver, tracking }: Followers,
): Promise<string[]> {
  const newest = await newestRouteEvent(gatewayUrl, business)
  const checks = [
    ...driver.map((follower) =>
      inTime(`a driver's stream holds event ${newest}`, () => numbersOf(follower).at(-1) === newest),
    ),
    ...tracking.map(({ orderId, customer: { token }, follower }) =>
      inTime(`the tracking stream of ${orderId} holds the newest state`, async () => {
        const state = await createApiClient(gatewayUrl, { token }).get(`/v1/orders/${orderId}/tracking`)
        return isDeepStrictEqual(follower.events.at(-1)?.data, state)
      }),
    ),
  ]
  const late = (await Promise.all(checks)).filter((problem) => problem !== undefined)
  return [...late, ...driver.flatMap(gapsOf)]
}

function gapsOf(follower: EventFollower): string[] {
  const first = Number(follower.events.find(({ event }) => event === 'ready')?.id)
  const numbers = numbersOf(follower)
  const wrong = numbers.findIndex((number, index) => number !== first + 1 + index)
  const gap =
    wrong === -1
      ? []
      : [`a driver's stream went from event ${numbers[wrong - 1] ?? first} to ${numbers[wrong]}`]
  const resynced = follower.events.filter(({ event }) => event === 'resync').length
  return resynced === 0 ? gap : [...gap, `a driver's stream lost events ${resynced} times`]
}

function numbersOf({ events }: EventFollower): number[] {
  return events.filter(({ event }) => event !== 'ready' && event !== 'resync').map(({ id }) => Number(id))
}

/** A client that begins is told the number of the newest event. */
async function newestRouteEvent(gatewayUrl: string, { driver }: Business): Promise<number> {
  const follower = followEvents({ url: `${gatewayUrl}/v1/driver/route/events`, who: driver })
  try {
    const ready = await waitFor(() => follower.events.find(({ event }) => event === 'ready'), {
      describe: 'a new stream of the driver begins',
      timeoutMs: SETTLE_LIMIT_MS,
    })
    return Number(ready.id)
  } finally {
    await follower.stop()
  }
}

/** Every customer must find exactly the orders that were answered with 201: none lost, none twice. */
async function checkOrders({ gatewayUrl, customers }: Population, bought: Bought): Promise<string[]> {
  const problems: string[] = []
  for (const customer of customers) {
    const orders = await createApiClient(gatewayUrl, { token: customer.token }).list<{
      id: string
      status: string
    }>('/v1/orders')
    const found = new Map(orders.map(({ id, status }) => [id, status]))
    for (const [id, buyer] of bought) {
      if (buyer.id === customer.id && !found.has(id))
        problems.push(`the order ${id} was answered with 201 and is lost`)
    }
    for (const [id, status] of found) {
      if (!bought.has(id)) problems.push(`the order ${id} (${status}) exists and was never answered with 201`)
      else if (!LIVE_STATUSES.has(status)) problems.push(`the order ${id} is ${status}`)
    }
  }
  return problems
}

async function inTime(
  describe: string,
  condition: () => boolean | Promise<boolean>,
): Promise<string | undefined> {
  try {
    await waitFor(condition, { describe, timeoutMs: SETTLE_LIMIT_MS })
    return undefined
  } catch (err) {
    return (err as Error).message
  }
}
