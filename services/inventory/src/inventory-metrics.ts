import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type InventoryMetrics = ReturnType<typeof createInventoryMetrics>

export type CacheName = 'product' | 'product_list'
/** `unavailable`: Redis did not answer, and the database did the work. */
export type CacheOutcome = 'hit' | 'miss' | 'unavailable'

/** What ops watches of stock and of the cache. Every label has a closed set of values. */
export function createInventoryMetrics(metrics: Metrics) {
  const refusals = metrics.counter('stock_refusals_total', 'Reservations and changes refused', ['reason'])
  const reservations = metrics.counter('stock_reservations_total', 'Reservations by what became of them', [
    'outcome',
  ])
  const reads = metrics.counter('cache_reads_total', 'Reads through the cache', ['cache', 'outcome'])
  return {
    refused: (reason: 'out_of_stock' | 'released_before' | 'below_reserved') => refusals.inc({ reason }),
    reservation: (outcome: 'held' | 'released' | 'shipped' | 'returned' | 'extended') =>
      reservations.inc({ outcome }),
    read: (cache: CacheName, outcome: CacheOutcome) => reads.inc({ cache, outcome }),
  }
}
