import { describeProblems, table } from '@urbanbloom/drill/report'
import { punctualityOf } from './punctuality.ts'
import type { Simulation } from './simulate.ts'

/** Everything that happened, for the end. */
export function summarize({ world, audit, seconds }: Simulation): string {
  const { tally } = world
  const calls = [...tally.calls]
    .toSorted(([, a], [, b]) => b.latencies.count - a.latencies.count)
    .map(([kind, { latencies, statuses }]) => [
      kind,
      String(latencies.count),
      [...statuses]
        .toSorted(([a], [b]) => a - b)
        .map(([status, times]) => `${status === 0 ? 'none' : status}: ${times}`)
        .join(', '),
      ...[0.5, 0.95, 0.99].map((share) => `${latencies.percentile(share).toFixed(0)} ms`),
    ])
  const states = [...tally.ordersByState()].map(([state, count]) => [state, String(count)])
  const counts = [...tally.counts].toSorted(([a], [b]) => a.localeCompare(b))
  const books = { true: 'they balance', false: 'THEY DO NOT BALANCE', undefined: 'not answered' }
  return [
    table([['call', 'count', 'answers', 'p50', 'p95', 'p99'], ...calls]),
    '',
    table([['orders', String(tally.orders.size)], ...states]),
    '',
    table([['what happened', 'times'], ...counts.map(([what, times]) => [what, String(times)])]),
    '',
    `  ${tally.requestCount()} requests in ${seconds.toFixed(0)} s (${(tally.requestCount() / seconds).toFixed(1)}/s), ` +
      `${tally.failureCount()} failed`,
    `  ${punctualityOf(tally)}`,
    `  Audit: ${audit.customersAsked} customers asked about ${audit.ordersSeen} orders; the books: ${books[`${audit.booksBalance}`]}`,
    '',
    tally.surpriseCount() === 0 ? '✓ nothing was lost, doubled or broken' : describeProblems(tally.surprises),
  ].join('\n')
}
