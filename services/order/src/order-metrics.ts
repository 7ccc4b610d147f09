import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type OrderMetrics = ReturnType<typeof createOrderMetrics>

/** What ops watches of checkout. Codes and steps are closed sets, so the number of series is bounded. */
export function createOrderMetrics(metrics: Metrics) {
  const placed = metrics.counter('orders_total', 'Orders by how their checkout ended', ['outcome'])
  const takenOver = metrics.counter(
    'saga_takeovers_total',
    'Orders whose lease ran out and that were driven on',
  )
  const duration = metrics.histogram(
    'order_processing_seconds',
    'Time from the request to the end of a checkout',
    [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  )
  return {
    confirmed: () => placed.inc({ outcome: 'confirmed' }),
    rejected: (code: string) => placed.inc({ outcome: code }),
    cancelled: () => placed.inc({ outcome: 'cancelled' }),
    takenOver: (count: number) => takenOver.inc(count),
    observeCheckout: (milliseconds: number) => duration.observe(milliseconds / 1000),
  }
}
