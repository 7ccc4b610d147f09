import type { Db } from '@urbanbloom/service-kit/db'
import { conflict } from '@urbanbloom/service-kit/errors'
import type { InventoryContext } from './context.ts'
import {
  findReservation,
  type Line,
  markReleased,
  markReturned,
  markShipped,
  moveLines,
  putBackLines,
} from './reservation-store.ts'
import type { MovedLevel } from './stock.ts'

/** Gives an order's stock back. An order that has reserved nothing yet never will. */
export async function releaseStock(
  ctx: Pick<InventoryContext, 'db' | 'metrics' | 'pages'>,
  orderId: string,
): Promise<{ status: 'released' }> {
  const moved = await ctx.db.transaction(async (tx) => {
    if (await markReleased(tx, orderId)) return moveLines(tx, orderId, 'released')
    const existing = await findReservation(tx, orderId)
    if (existing?.status === 'shipped' || existing?.status === 'returned') {
      throw conflict('reservation_shipped', `The plants of the order ${orderId} have left the shop`)
    }
    return null
  })
  if (moved !== null) {
    ctx.metrics.reservation('released')
    ctx.pages.stockMoved(moved)
  }
  return { status: 'released' }
}

/**
 * Takes an order's plants out of the shop, in the transaction of the event that said so. What is available stays
 * the same, so no page changes. Shipping again does nothing; shipping what is not held is refused, so that the
 * event ends as a dead letter that somebody looks at.
 * @returns false where they had left before.
 */
export async function shipStock(tx: Db, orderId: string): Promise<boolean> {
  if (await markShipped(tx, orderId)) {
    await moveLines(tx, orderId, 'shipped')
    return true
  }
  const existing = await findReservation(tx, orderId)
  // A van may leave with the same order twice; what came back for good never leaves again.
  if (existing?.status === 'shipped') return false
  const found = existing === null ? 'there is none' : `it is ${existing.status}`
  throw conflict(
    'reservation_not_held',
    `The order ${orderId} left the shop, but no stock is reserved for it: ${found}`,
  )
}

/**
 * Puts plants that came back from a delivery in stock again, in the transaction of the event that said so. What was
 * not shipped yet is refused, so that an event which has overtaken the departure comes again after it.
 * @returns the levels that moved; null where they had come back before.
 */
export async function putBackStock(
  tx: Db,
  orderId: string,
  lines: readonly Line[] | null,
): Promise<MovedLevel[] | null> {
  if (await markReturned(tx, orderId)) return putBackLines(tx, orderId, lines)
  const existing = await findReservation(tx, orderId)
  if (existing?.status === 'returned') return null
  const found = existing === null ? 'there is none' : `it is ${existing.status}`
  throw conflict(
    'reservation_not_shipped',
    `The order ${orderId} came back, but no reservation of it was shipped: ${found}`,
  )
}
