import { conflict, notFound, ServiceError } from '@urbanbloom/service-kit/errors'
import type { OrderContext } from './context.ts'
import type { Order } from './order.ts'
import { findOrder, findOrderOf } from './order-store.ts'
import { beginCancelling, cancelOrder, stopCancelling } from './saga-store.ts'
import { unwind } from './unwind-order.ts'

/**
 * Cancels an order for its customer, refund included, as long as no van has taken it. Cancelling twice is answered
 * like once.
 * @throws 404 for another's order, 409 `order_not_cancellable`.
 */
export async function cancelForCustomer(ctx: OrderContext, customerId: string, id: string): Promise<Order> {
  const order = await findOrderOf(ctx.db, customerId, id)
  if (order === null) throw notFound('order_not_found', `There is no order ${id}`)
  if (order.status === 'cancelled') return order
  if (order.sagaStep === 'awaiting_payment') await endCancelled(ctx, order)
  else if (await beginCancelling(ctx.db, id, ctx.config.leaseMs)) {
    ctx.crashPoint('cancelling')
    await finishCancelling(ctx, order)
  }
  const now = await findOrder(ctx.db, id)
  if (now?.status !== 'cancelled') throw notCancellable(now ?? order)
  return now
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
  await unwind(ctx, { id: order.id, paymentTried: true })
}

function notCancellable(order: Order): ServiceError {
  const why =
    order.sagaStep === null ? `it is ${order.status.replaceAll('_', ' ')}` : 'it is still being worked on'
  return conflict('order_not_cancellable', `The order ${order.number} cannot be cancelled: ${why}`)
}
