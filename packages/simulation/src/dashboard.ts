import type { Latencies } from './latencies.ts'
import { punctualityOf } from './punctuality.ts'
import type { OrderState } from './tally.ts'
import type { World } from './world.ts'

const states: OrderState[] = [
  'confirmed',
  'scheduled',
  'out for delivery',
  'delivered',
  'failed',
  'cancelled',
]
const shownCalls = ['browse', 'look', 'quote', 'checkout', 'route', 'positions', 'sync', 'plan', 'track']

/** What is going on, as a page of text. `sinceLast` is the time between two pages, for rates. */
export function createDashboard(world: World) {
  let requestsBefore = 0
  let ordersBefore = 0
  let drawnAt = performance.now()
  return function draw(): string {
    const { clock, tally, faults } = world
    const now = performance.now()
    const seconds = Math.max(0.001, (now - drawnAt) / 1_000)
    const requests = tally.requestCount()
    const orders = tally.orders.size
    const rates = [
      `${((requests - requestsBefore) / seconds).toFixed(1)} requests/s`,
      `${((orders - ordersBefore) / seconds).toFixed(2)} orders/s`,
    ]
    requestsBefore = requests
    ordersBefore = orders
    drawnAt = now
    const byState = tally.ordersByState()
    const started = tally.counts.get('routes started') ?? 0
    const ended = tally.counts.get('routes ended') ?? 0
    return [
      `UrbanBloom, ${clock.text()}, at ${clock.speed} times the speed${faults.size > 0 ? `, with ${[...faults].join(', ')}` : ''}`,
      '',
      `  ${rates.join(', ')}; ${requests} requests so far, ${tally.failureCount()} failed, ${tally.surpriseCount()} surprises`,
      `  ${tally.counts.get('visits') ?? 0} visits, ${orders} orders: ${states.map((state) => `${byState.get(state) ?? 0} ${state}`).join(', ')}`,
      `  ${started - ended} vans on the road, ${ended} back; ${tally.counts.get('plans') ?? 0} plans; ${punctualityOf(tally)}`,
      '',
      ...latencyLines(world),
    ].join('\n')
  }
}

function latencyLines({ tally }: World): string[] {
  return shownCalls
    .map((kind) => [kind, tally.calls.get(kind)?.latencies] as const)
    .filter((row): row is [string, Latencies] => row[1] !== undefined)
    .map(
      ([kind, latencies]) =>
        `  ${kind.padEnd(10)} ${String(latencies.count).padStart(8)}   p50 ${ms(latencies, 0.5)}   p99 ${ms(latencies, 0.99)}`,
    )
}

function ms(latencies: Latencies, share: number): string {
  return `${latencies.percentile(share).toFixed(0).padStart(6)} ms`
}
