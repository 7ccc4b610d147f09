import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type BusinessMetrics = ReturnType<typeof createBusinessMetrics>

/** What happens in the business, as figures. Every label has a small, fixed set of values. */
export function createBusinessMetrics(metrics: Metrics) {
  const cacheReads = metrics.counter('cache_reads_total', 'Reads through the cache', ['cache', 'outcome'])
  const plans = metrics.counter('plans_total', 'Plans worked off, by outcome', ['outcome'])
  const plannedStops = metrics.counter(
    'plan_stops_total',
    'Deliveries in plans, by whether they found a place',
    ['outcome'],
  )
  const punctuality = metrics.counter(
    'stop_punctuality_total',
    'Stops delivered, by how they met their window',
    ['outcome'],
  )
  // So that the first of a process is an increase, and not a series that was not there before.
  plans.inc({ outcome: 'failed' }, 0)
  for (const outcome of ['planned', 'unassigned']) plannedStops.inc({ outcome }, 0)
  for (const outcome of ['early', 'on_time', 'late']) punctuality.inc({ outcome }, 0)
  return {
    holds: metrics.counter('delivery_holds_total', 'Requests to hold a window, by outcome', ['outcome']),
    releases: metrics.counter('delivery_releases_total', 'Deliveries released, by cause', ['cause']),
    plans,
    planSeconds: metrics.histogram(
      'plan_solve_duration_seconds',
      'Time that the optimizer took for one plan',
      [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60],
    ),
    capacityChecks: metrics.counter('capacity_checks_total', 'Looks at what is left of a day, by outcome', [
      'outcome',
    ]),
    capacitySeconds: metrics.histogram(
      'capacity_check_duration_seconds',
      'Time on the event loop to see what is left of a day',
      [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
    ),
    planGap: metrics.histogram(
      'plan_gap_ratio',
      'How far a plan lies above an estimate that none can go below; 0.5 is half as long again',
      [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5],
    ),
    plannedStops,
    stops: metrics.counter('stop_outcomes_total', 'Stops that drivers ended, by outcome', ['outcome']),
    punctuality,
    positions: metrics.counter('driver_positions_total', 'Positions that drivers sent, by outcome', [
      'outcome',
    ]),
    messages: metrics.counter('messages_total', 'Mails to customers, by what they tell and how it ended', [
      'kind',
      'outcome',
    ]),
    webhooks: metrics.counter('webhook_deliveries_total', 'Posts to subscribers, by outcome', ['outcome']),
    travelMatrices: metrics.counter(
      'travel_matrices_total',
      'Matrices of travel times, by where they came from',
      ['source'],
    ),
    osrmRequests: metrics.counter('osrm_requests_total', 'Requests to OSRM, by outcome', ['outcome']),
    windowCache: {
      inc: ({ outcome }: { outcome: 'hit' | 'miss' | 'unavailable' }) =>
        cacheReads.inc({ cache: 'delivery_windows', outcome }),
    },
  }
}
