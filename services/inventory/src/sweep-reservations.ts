import { OrderOutcomesAnswer } from '@urbanbloom/contracts/inventory'
import type { InventoryContext } from './context.ts'
import { releaseStock } from './end-reservation.ts'
import { claimExpired, extendHeld } from './reservation-store.ts'

const BATCH = 200
/** How long one process keeps what it has claimed; where it dies, or `order` is away, another turn begins then. */
const CLAIM_MS = 60_000
const MAX_EXTENSION_MS = 6 * 3_600_000

/**
 * Lets go of reservations whose time is up and whose orders have ended or never were. Only `order` knows, so it
 * is asked first: an open order keeps its stock, and without an answer nothing changes.
 * @returns how many were let go.
 */
export async function sweepReservations(
  ctx: Pick<InventoryContext, 'db' | 'metrics' | 'pages' | 'order' | 'config'>,
): Promise<number> {
  const orderIds = await claimExpired(ctx.db, { limit: BATCH, leaseMs: CLAIM_MS })
  if (orderIds.length === 0) return 0
  const { outcomes } = await ctx.order.post('/internal/orders/outcomes', { orderIds }, OrderOutcomesAnswer)

  // An order that the answer does not mention stays as it is, and is asked about again.
  const asked = new Set(orderIds)
  const told = outcomes.filter(({ orderId }) => asked.has(orderId))
  const open = told.filter(({ outcome }) => outcome === 'open').map(({ orderId }) => orderId)
  const over = told.filter(({ outcome }) => outcome !== 'open').map(({ orderId }) => orderId)
  if (open.length > 0) {
    await extendHeld(ctx.db, open, { minMs: ctx.config.holdMs, maxMs: MAX_EXTENSION_MS })
    for (const _ of open) ctx.metrics.reservation('extended')
  }
  for (const orderId of over) await releaseStock(ctx, orderId)
  return over.length
}
