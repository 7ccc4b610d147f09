import { Latencies } from './latencies.ts'

export type Tally = ReturnType<typeof createTally>

const KEPT_SURPRISES = 200

/** What an order came to, as far as its people know. */
export type OrderState =
  | 'confirmed'
  | 'action required'
  | 'scheduled'
  | 'out for delivery'
  | 'delivered'
  | 'failed'
  | 'cancelled'

/** Everything that is counted while the simulation runs. */
export function createTally() {
  const calls = new Map<string, { latencies: Latencies; statuses: Map<number, number> }>()
  const counts = new Map<string, number>()
  const orders = new Map<string, OrderState>()
  const surprises: string[] = []
  let surpriseCount = 0

  return {
    calls: calls as ReadonlyMap<string, { latencies: Latencies; statuses: ReadonlyMap<number, number> }>,
    counts: counts as ReadonlyMap<string, number>,
    orders: orders as ReadonlyMap<string, OrderState>,
    /** What should never happen, in words; the first two hundred. */
    surprises: surprises as readonly string[],
    surpriseCount: () => surpriseCount,

    /** One answer; status 0 when none came. */
    answered(kind: string, status: number, ms: number): void {
      let call = calls.get(kind)
      if (call === undefined) {
        call = { latencies: new Latencies(), statuses: new Map() }
        calls.set(kind, call)
      }
      call.latencies.add(ms)
      call.statuses.set(status, (call.statuses.get(status) ?? 0) + 1)
    },
    /** One more of something that people did or were told. */
    count(what: string, times = 1): void {
      counts.set(what, (counts.get(what) ?? 0) + times)
    },
    surprise(words: string): void {
      surpriseCount += 1
      if (surprises.length < KEPT_SURPRISES) surprises.push(words)
    },
    /** An order goes on to another state; one that has ended stays as it ended. */
    order(id: string, state: OrderState): void {
      const before = orders.get(id)
      if (before === 'delivered' || before === 'cancelled') return
      orders.set(id, state)
    },
    ordersByState(): Map<OrderState, number> {
      const sums = new Map<OrderState, number>()
      for (const state of orders.values()) sums.set(state, (sums.get(state) ?? 0) + 1)
      return sums
    },
    requestCount: () => sum([...calls.values()].map(({ latencies }) => latencies.count)),
    /** Answers that are the system's fault: 5xx, and none at all. */
    failureCount: () =>
      sum(
        [...calls.values()]
          .flatMap(({ statuses }) => [...statuses])
          .map(([status, times]) => (status === 0 || status >= 500 ? times : 0)),
      ),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
