import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { PaymentContext } from './context.ts'
import type { Payment } from './payment.ts'
import { findPaymentOfOrder, requestCapture } from './payment-store.ts'
import { pursuePayment } from './pursue-payment.ts'

/**
 * Takes the authorized money, once. The wish is recorded first; an answer that still says `authorized` means that
 * the provider is asked again until it has confirmed.
 */
export async function capturePayment(ctx: PaymentContext, orderId: string): Promise<Payment> {
  const asked = await requestCapture(ctx.db, orderId, ctx.config.settle.afterMs)
  if (asked !== null) return pursuePayment(ctx, asked)
  const payment = await findPaymentOfOrder(ctx.db, orderId)
  if (payment === null) throw notFound('payment_not_found', `There is no payment of order ${orderId}`)
  if (payment.capturedCents > 0) return payment
  if (payment.isVoidRequested || payment.status === 'voided') {
    throw conflict('payment_voided', `The payment of order ${orderId} was voided`)
  }
  throw conflict(
    'payment_not_authorized',
    `The payment of order ${orderId} is ${payment.status}, not authorized`,
  )
}
