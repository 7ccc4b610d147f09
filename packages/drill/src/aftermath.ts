import { isDeepStrictEqual } from 'node:util'
import { createApiClient } from '@urbanbloom/local/api-client'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type EventFollower, followEvents } from './event-follower.ts'
import type { Followers } from './followers.ts'
import type { Business, Population } from './population.ts'
import type { Bought } from './traffic.ts'

const SETTLE_LIMIT_MS = 30_000
const LIVE_STATUSES = new Set(['confirmed', 'scheduled'])

/** The driver's streams must hold every number up to the newest; the customers' must end with the present state. */
export async function checkStreams(
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

/** What is missing among the events that a follower of the driver's route has seen. */
export function gapsOf(follower: Pick<EventFollower, 'events'>): string[] {
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

function numbersOf({ events }: Pick<EventFollower, 'events'>): number[] {
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
export async function checkOrders({ gatewayUrl, customers }: Population, bought: Bought): Promise<string[]> {
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
