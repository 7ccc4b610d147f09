import { newId } from '@urbanbloom/service-kit/ids'
import type { PaymentContext } from './context.ts'
import type { Payment } from './payment.ts'
import { findPaymentOfOrder, insertTombstone, requestVoid } from './payment-store.ts'
import { pursuePayment } from './pursue-payment.ts'

/**
 * Gives the money of an order back, whatever came of its payment: cancels an authorization, refunds a capture,
 * or leaves a tombstone. The wish is recorded first; an answer with the status still unchanged means that the
 * provider is asked again until it has confirmed.
 */
export async function voidPayment(ctx: PaymentContext, orderId: string): Promise<Payment> {
  const asked = await requestVoid(ctx.db, orderId, ctx.config.settle.afterMs)
  if (asked !== null) return carryOn(ctx, asked)
  const tombstone = await insertTombstone(ctx.db, newId(), orderId)
  if (tombstone !== null) return tombstone
  // The payment has ended, or an authorization came between the two statements and can be voided now.
  const again = await requestVoid(ctx.db, orderId, ctx.config.settle.afterMs)
  if (again !== null) return carryOn(ctx, again)
  const ended = await findPaymentOfOrder(ctx.db, orderId)
  if (ended === null) throw new Error(`The payment of order ${orderId} vanished`)
  return ended
}

/** A declined payment holds no money; that its intent is closed at the provider need not be waited for. */
function carryOn(ctx: PaymentContext, payment: Payment): Payment | Promise<Payment> {
  return payment.status === 'declined' ? payment : pursuePayment(ctx, payment)
}
