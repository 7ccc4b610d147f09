import { conflict, notFound, ServiceError } from '@urbanbloom/service-kit/errors'
import { remainingMs } from '@urbanbloom/service-kit/request-context'
import type { OrderContext } from './context.ts'
import type { Order } from './order.ts'
import { findOrder, findOrderOf } from './order-store.ts'
import { beginCancelling, cancelOrder, stopCancelling } from './saga-store.ts'
import { unwind } from './unwind-order.ts'

const POLL_MS = 60
const MAX_WAIT_MS = 8_000
/** Left of the deadline for the answer. */
const RESERVE_MS = 500

/**
 * Cancels an order for its customer, refund included, as long as no van has taken it. Cancelling twice is answered
 * like once.
 * @throws 404 for another's order, 409 `order_not_cancellable`.
 */
export async function cancelForCustomer(ctx: OrderContext, customerId: string, id: string): Promise<Order> {
  const order = await findOrderOf(ctx.db, customerId, id)
  if (order === null) throw notFound('order_not_found', `There is no order ${id}`)
  if (order.sagaStep === 'awaiting_payment') await endCancelled(ctx, order)
  else if (await beginCancelling(ctx.db, id, ctx.config.leaseMs)) {
    ctx.crashPoint('cancelling')
    await finishCancelling(ctx, order)
  }
  const now = await untilCancelled(ctx, order)
  if (now.status !== 'cancelled') throw notCancellable(now)
  return now
}

/** The order when nobody is at work on a cancellation any more, or as it is when the deadline is near. */
async function untilCancelled(ctx: OrderContext, order: Order): Promise<Order> {
  const giveUpAt = performance.now() + Math.max(0, remainingMs(MAX_WAIT_MS) - RESERVE_MS)
  for (;;) {
    const now = (await findOrder(ctx.db, order.id)) ?? order
    const isUnderWay =
      now.sagaStep === 'cancelling' || (now.status === 'cancelled' && now.sagaStep === 'unwinding')
    if (!isUnderWay || performance.now() > giveUpAt) return now
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** From `cancelling` on: delivery-routing alone knows whether the order is on a van. */
export async function finishCancelling(ctx: OrderContext, order: Order): Promise<void> {
  try {
    await ctx.participants.releaseDelivery(order.id)
  } catch (err) {
    if (!(err instanceof ServiceError) || err.code !== 'delivery_loaded') throw err
    await stopCancelling(ctx.db, order.id)
    return
  }
  ctx.crashPoint('delivery_released')
  await endCancelled(ctx, order)
}

async function endCancelled(ctx: OrderContext, order: Order): Promise<void> {
  if (!(await cancelOrder(ctx.db, order.id, ctx.config.leaseMs))) return
  ctx.crashPoint('order_cancelled')
  ctx.metrics.cancelled()
  ctx.log.info({ event: 'order_cancelled', orderId: order.id }, 'order cancelled')
  await unwind(ctx, { id: order.id, paymentTried: order.replacesClaimId === null })
}

function notCancellable(order: Order): ServiceError {
  const why =
    order.sagaStep === null ? `it is ${order.status.replaceAll('_', ' ')}` : 'it is still being worked on'
  return conflict('order_not_cancellable', `The order ${order.number} cannot be cancelled: ${why}`)
}
