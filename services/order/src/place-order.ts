import { ServiceError, unavailable } from '@urbanbloom/service-kit/errors'
import type { StoredAnswer } from './answer-store.ts'
import { interrupted } from './checkout-answer.ts'
import type { OrderContext } from './context.ts'
import { type Order, rejectionFrom } from './order.ts'
import { reject } from './reject-order.ts'
import { settlePayment } from './settle-payment.ts'

/**
 * The saga of one checkout, from an order that is written to its end: hold stock and window, authorize the payment,
 * confirm. A process that dies on the way leaves a lease that runs out, and `recoverOrders` goes on.
 */
export async function placeOrder(ctx: OrderContext, order: Order, token: string): Promise<StoredAnswer> {
  const refusal = await holdAll(ctx, order)
  if (refusal !== null) return reject(ctx, order, { rejection: rejectionFrom(refusal), paymentTried: false })
  ctx.crashPoint('all_held')

  try {
    const payment = await ctx.participants.authorizePayment(order, token)
    ctx.crashPoint('payment_authorized')
    return await settlePayment(ctx, order, payment)
  } catch (err) {
    if (isRefusal(err)) return reject(ctx, order, { rejection: rejectionFrom(err), paymentTried: true })
    // Whether money is held is not known now. The order keeps its lease, and recovery asks.
    throw unavailable(
      'checkout_in_doubt',
      'The payment service did not answer; send the same request again',
      {
        cause: err,
        retryAfterSeconds: 3,
      },
    )
  }
}

/** Holds stock and window side by side. @returns why not, or null when both are held. */
export async function holdAll(ctx: OrderContext, order: Order): Promise<ServiceError | null> {
  const results = await Promise.allSettled([
    ctx.participants.reserveStock(order).then(() => ctx.crashPoint('stock_reserved')),
    ctx.participants.holdDelivery(order).then(() => ctx.crashPoint('window_held')),
  ])
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  const refusal = errors.find(isRefusal)
  if (refusal !== undefined) return refusal
  if (errors.length === 0) return null
  ctx.log.warn({ err: errors[0], orderId: order.id }, 'a participant did not answer; the order is given up')
  return interrupted()
}

/** An answer of 4xx: the participant has decided, and asking again would not change it. */
function isRefusal(err: unknown): err is ServiceError {
  return err instanceof ServiceError && err.status < 500
}
