import { OrderOutcomesAnswer } from '@urbanbloom/contracts/inventory'
import type { Context } from '../context.ts'
import { releaseDelivery } from './release-delivery.ts'

const BATCH = 100

/**
 * Lets expired holds go, but only those of which `order` says that the order has ended or never was. A hold of
 * an order that is still open gets more time. Where `order` does not answer nothing changes.
 */
export async function sweepExpiredHolds(ctx: Context): Promise<void> {
  const expired = await ctx.db.query<{ order_id: string }>(
    `select order_id from deliveries where status = 'held' and expires_at < now() order by expires_at limit $1`,
    [BATCH],
  )
  if (expired.length === 0) return
  const orderIds = expired.map(({ order_id }) => order_id)
  const { outcomes } = await ctx.orderPeer.post(
    '/internal/orders/outcomes',
    { orderIds },
    OrderOutcomesAnswer,
  )
  const open = outcomes.filter(({ outcome }) => outcome === 'open').map(({ orderId }) => orderId)
  await ctx.db.query(
    `update deliveries set expires_at = now() + make_interval(secs => $2::double precision / 1000)
     where order_id = any($1::uuid[]) and status = 'held'`,
    [open, ctx.config.holdLimitMs],
  )
  for (const { orderId, outcome } of outcomes) {
    if (outcome !== 'open') await releaseDelivery(ctx, orderId, 'expired')
  }
}
