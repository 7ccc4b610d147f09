import { conflict, invalid, type ServiceError } from '@urbanbloom/service-kit/errors'
import type { InventoryContext } from './context.ts'
import {
  findReservation,
  type Line,
  type Reservation,
  type ReserveTry,
  tryReserve,
} from './reservation-store.ts'

/** Reserves an order's lines, all or none. Calling again with the same order gives the same answer. */
export async function reserveStock(
  ctx: InventoryContext,
  { orderId, lines: asked }: { orderId: string; lines: readonly Line[] },
): Promise<{ status: 'held' | 'shipped' | 'returned' }> {
  // As the database writes ids, so that they compare.
  const lines = asked.map((line) => ({ ...line, productId: line.productId.toLowerCase() }))
  if (new Set(lines.map(({ productId }) => productId)).size < lines.length) {
    throw invalid('duplicate_line', 'Each product may stand on one line only')
  }
  const attempt = await tryReserve(ctx.db, { orderId, lines, holdMs: ctx.config.holdMs })
  if (attempt.held) {
    ctx.metrics.reservation('held')
    ctx.log.info({ event: 'stock_reserved', orderId }, 'stock reserved')
    ctx.pages.stockMoved(
      attempt.candidates.map(({ product_id: productId, available, quantity }) => ({
        productId,
        soldOutOrBack: available === quantity,
      })),
    )
    return { status: 'held' }
  }
  const existing = await findReservation(ctx.db, orderId)
  if (existing !== null) return repeated(ctx, existing, lines)
  ctx.metrics.refused('out_of_stock')
  ctx.log.info({ event: 'stock_refused', orderId }, 'stock refused')
  throw outOfStock(attempt, lines)
}

function repeated(ctx: InventoryContext, existing: Reservation, lines: readonly Line[]) {
  const { status } = existing
  if (status === 'released') {
    ctx.metrics.refused('released_before')
    throw conflict('reservation_released', 'The reservation of this order was released; it cannot come back')
  }
  const quantities = new Map(existing.lines.map(({ productId, quantity }) => [productId, quantity]))
  const isEqual =
    lines.length === quantities.size &&
    lines.every(({ productId, quantity }) => quantities.get(productId) === quantity)
  if (!isEqual) {
    throw conflict('reservation_differs', 'This order has reserved other products or quantities before')
  }
  return { status }
}

/** Names the first line, in the order asked for, that cannot be met. */
function outOfStock({ candidates }: ReserveTry, lines: readonly Line[]): ServiceError {
  const byId = new Map(candidates.map((candidate) => [candidate.product_id, candidate]))
  const left = ({ productId }: Line) => {
    const found = byId.get(productId)
    return found === undefined || found.withdrawn ? 0 : found.available
  }
  const short = lines.find((line) => left(line) < line.quantity) ?? lines[0]
  if (short === undefined) throw new Error('A reservation without lines was refused')
  const name = byId.get(short.productId)?.name ?? `the product ${short.productId}`
  const availableQuantity = left(short)
  return conflict(
    'out_of_stock',
    `Only ${availableQuantity} of ${name} left; ${short.quantity} were asked for`,
    {
      extra: { productId: short.productId, availableQuantity },
    },
  )
}
