import type { PaymentAnswer } from '@urbanbloom/contracts/payment'
import { ServiceError } from '@urbanbloom/service-kit/errors'
import type { OrderContext } from './context.ts'
import type { Order } from './order.ts'
import { finishUnwinding } from './order-store.ts'

/**
 * Gives back everything that an order took: stock, window, money. Each release is idempotent, also for what was
 * never taken. What does not answer now is asked again by the recovery worker.
 * @returns the payment as it ended, or null when there was none or not everything is given back yet.
 */
export async function unwind(
  ctx: OrderContext,
  order: Pick<Order, 'id' | 'paymentTried'>,
): Promise<PaymentAnswer | null> {
  const [stock, delivery, payment] = await Promise.allSettled([
    ctx.participants.releaseStock(order.id),
    ctx.participants.releaseDelivery(order.id),
    order.paymentTried ? ctx.participants.voidPayment(order.id) : null,
  ])
  const failures = [stock, delivery, payment].flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  for (const err of failures) {
    const refused = err instanceof ServiceError && err.status < 500
    ctx.log[refused ? 'error' : 'warn'](
      { err, orderId: order.id },
      'an order is not unwound yet; it is tried again',
    )
  }
  if (failures.length > 0) return null
  ctx.crashPoint('unwound')
  const ended = payment.status === 'fulfilled' ? payment.value : null
  await finishUnwinding(ctx.db, order.id, ended)
  return ended
}
