import type { Db } from '@urbanbloom/service-kit/db'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'

/** Someone should order more from here on. */
const LOW_QUANTITY = 5
const EVERY_MS = 30_000

/** How much of the catalog can be sold. */
export function measureStock(db: Db, metrics: Metrics): void {
  const levels = createSampled(
    () =>
      db.query<{ gone: number; low: number; available: number }>(
        `select count(*) filter (where on_hand - reserved <= 0) as gone,
                count(*) filter (where on_hand - reserved between 1 and $1) as low,
                count(*) filter (where on_hand - reserved > $1) as available
         from stock_levels s join products p on p.id = s.product_id where p.withdrawn_at is null`,
        [LOW_QUANTITY],
      ),
    { everyMs: EVERY_MS },
  )
  metrics.sampled('products', 'Products on sale, by how many are left', ['stock'], levels, (gauge, [row]) => {
    gauge.set({ stock: 'none' }, row?.gone ?? 0)
    gauge.set({ stock: 'low' }, row?.low ?? 0)
    gauge.set({ stock: 'available' }, row?.available ?? 0)
  })
}
