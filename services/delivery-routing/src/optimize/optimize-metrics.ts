import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type OptimizeMetrics = ReturnType<typeof createOptimizeMetrics>

/** Figures of `POST /v1/optimize`. Every label has a small, fixed set of values. */
export function createOptimizeMetrics(metrics: Metrics) {
  let read = () => ({ running: 0, waiting: 0 })
  metrics.gauge('optimize_requests', 'Requests to optimize in the pool, by state', ['state'], (gauge) => {
    for (const [state, count] of Object.entries(read())) gauge.set({ state }, count)
  })
  return {
    watch: (counts: typeof read) => void (read = counts),
    jobs: metrics.counter('optimize_requests_total', 'Requests to optimize, by outcome', ['outcome']),
    seconds: metrics.histogram(
      'optimize_solve_duration_seconds',
      'Time that the search took for one request',
      [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60],
    ),
    tasks: metrics.counter('optimize_tasks_total', 'Tasks of answered requests, by whether they are served', [
      'outcome',
    ]),
    wrong: metrics.counter(
      'optimize_wrong_answers_total',
      'Answers that did not pass their check and were withheld',
    ),
  }
}
