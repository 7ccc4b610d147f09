import type { Db } from '@urbanbloom/service-kit/db'
import type { Jobs, Task } from '@urbanbloom/service-kit/jobs'
import type { InventoryContext } from './context.ts'

const FORGET_PRODUCT = 'forget_product'
/** Longer than a statement that moves stock may run, since `changed_at` is the time it began. */
const OVERLAP_MS = 10_000
/** More than the catalog will ever hold; the pages beyond end by themselves. */
const MAX_REPAIRED = 5_000

/**
 * In the transaction of a product's change: whatever happens after the commit, its pages are forgotten. The job
 * repeats until Redis has done it.
 */
export async function forgetProductJob(tx: Db, jobs: Jobs, productId: string): Promise<void> {
  await jobs.enqueue(tx, FORGET_PRODUCT, { productId }, { jobKey: `${FORGET_PRODUCT}:${productId}` })
}

export function inventoryTasks({ pages }: Pick<InventoryContext, 'pages'>): Record<string, Task> {
  return {
    [FORGET_PRODUCT]: async ({ productId }: { productId: string }) => {
      if (!(await pages.forgetProduct(productId)))
        throw new Error('Redis did not forget the pages; again later')
    },
  }
}

/**
 * The second net for `stockMoved`, which costs checkout nothing: forgets the pages of all stock that moved since
 * the last turn that Redis answered, so that a page is stale for two turns at most where a process died between
 * commit and invalidation, or where Redis was away.
 * @returns a function for a recurring job that tells how many products it went through.
 */
export function createStockPageRepair({
  db,
  pages,
  config,
}: Pick<InventoryContext, 'db' | 'pages' | 'config'>) {
  // Before the first turn another process may have lost something; pages older than this are gone by themselves.
  let coveredUntil = performance.now() - config.productCacheMs * 1.2

  return async function repairStockPages(): Promise<number> {
    const startedAt = performance.now()
    const rows = await db.query<{ product_id: string }>(
      `select product_id from stock_levels where changed_at > now() - make_interval(secs => $1)
       order by changed_at desc limit $2`,
      [(startedAt - coveredUntil + OVERLAP_MS) / 1000, MAX_REPAIRED],
    )
    const done = await pages.forgetProducts(rows.map((row) => row.product_id))
    if (done) coveredUntil = startedAt
    return rows.length
  }
}
