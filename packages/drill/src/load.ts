import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { Pool } from 'undici'
import { checkOrders, checkStreams } from './aftermath.ts'
import { createDispatcher, createPlanner } from './dispatcher.ts'
import { follow, nobody } from './followers.ts'
import { type KindResult, startOpenLoop } from './open-loop.ts'
import type { Population } from './population.ts'
import { type Bought, createDeck, createTraffic } from './traffic.ts'

const CONNECTIONS = 64
/**
 * A load balancer sends nothing to a gateway that it has taken out of rotation, on old connections neither. The
 * balancer here only knows new ones, so old ones are given up in less than the time that a gateway takes to stop.
 */
const IDLE_MAX_MS = 900
const ANSWER_LIMIT_MS = 30_000

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
  const placed = business === undefined ? [] : [...business.routed, ...business.planned.orders]
  const bought: Bought = new Map(placed.map(({ orderId, customer }) => [orderId, customer]))
  const dispatchers =
    business === undefined ? [] : [createDispatcher(pool, business), createPlanner(pool, business)]
  const send = createTraffic(pool, population, bought)
  const loop = startOpenLoop({ ratePerSecond: options.ratePerSecond, next: createDeck(send), send })
  let seconds = 0
  try {
    await options.work()
    await untilElapsed(loop.elapsedSeconds, options.minSeconds)
    seconds = loop.elapsedSeconds()
  } finally {
    await Promise.all([loop.stop(), ...dispatchers.map((each) => each.stop())])
  }
  const kinds = [...loop.results(), ...dispatchers.map(({ result }) => result)]
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

async function untilElapsed(elapsedSeconds: () => number, minSeconds: number): Promise<void> {
  const leftMs = (minSeconds - elapsedSeconds()) * 1_000
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs))
}
