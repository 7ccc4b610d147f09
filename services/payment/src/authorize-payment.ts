import { setTimeout as delay } from 'node:timers/promises'
import type { AuthorizePayment } from '@urbanbloom/contracts/payment'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { remainingMs } from '@urbanbloom/service-kit/request-context'
import type * as z from 'zod'
import { askToAuthorize } from './ask-provider.ts'
import type { PaymentContext } from './context.ts'
import type { Payment } from './payment.ts'
import { findPaymentOfOrder, insertPayment, settleSoon } from './payment-store.ts'
import { pursuePayment } from './pursue-payment.ts'
import { recordFact } from './record-fact.ts'

export type Authorization = z.infer<typeof AuthorizePayment>

const POLL_MS = 50
/** Kept back of the caller's deadline, to send the answer. */
const ANSWER_MARGIN_MS = 500
const SETTLE_SOON_MS = 1_000

/**
 * Authorizes the payment of an order, once: a repeated call gives the same payment as it is by now, and after a
 * void it is refused. `processing` says that the provider has not answered; the outcome follows as an event.
 */
export async function authorizePayment(ctx: PaymentContext, input: Authorization): Promise<Payment> {
  const { split } = input
  if (split.goodsCents + split.deliveryCents + split.taxCents !== input.amountCents) {
    throw unprocessable(
      'split_mismatch',
      `The split does not sum to the amount of ${input.amountCents} cents`,
    )
  }
  const created = await insertPayment(ctx.db, {
    ...input,
    id: newId(),
    provider: ctx.provider.name,
    settleAfterMs: ctx.config.settle.afterMs,
  })
  const payment =
    created === null ? await joinEarlier(ctx, input) : await callProvider(ctx, created, input.token)
  if (payment.isVoidRequested || payment.status === 'voided') throw voided(input.orderId)
  return payment
}

async function callProvider(ctx: PaymentContext, payment: Payment, token: string): Promise<Payment> {
  const fact = await askToAuthorize(ctx, payment, token)
  if (fact === null) {
    await settleSoon(ctx.db, payment.id, SETTLE_SOON_MS)
    // The webhook may have told the outcome in the meantime.
    return (await findPaymentOfOrder(ctx.db, payment.orderId)) ?? payment
  }
  const recorded = (await recordFact(ctx, ctx.db, payment.id, fact, { tellOrder: false })) ?? payment
  // A void that came while the provider was asked found nothing to void yet.
  return recorded.isVoidRequested ? pursuePayment(ctx, recorded) : recorded
}

/** Waits for the call that is under way, or takes over from a process that died in the middle. */
async function joinEarlier(ctx: PaymentContext, input: Authorization): Promise<Payment> {
  const waitMs = remainingMs(2 * ctx.config.stripe.timeoutMs + ANSWER_MARGIN_MS * 2) - ANSWER_MARGIN_MS
  const end = performance.now() + waitMs
  for (;;) {
    const payment = await findPaymentOfOrder(ctx.db, input.orderId)
    if (payment === null) throw new Error(`The payment of order ${input.orderId} vanished`)
    if (payment.isVoidRequested || payment.status === 'voided') throw voided(input.orderId)
    refuseOtherRequest(payment, input)
    if (payment.status !== 'processing') return payment
    if (payment.isDue) return pursuePayment(ctx, payment)
    if (performance.now() + POLL_MS > end) return payment
    await delay(POLL_MS)
  }
}

function refuseOtherRequest(payment: Payment, input: Authorization): void {
  if (payment.amountCents === input.amountCents && payment.customerId === input.customerId) return
  throw conflict('payment_exists', `Order ${input.orderId} has a payment with another amount or customer`)
}

function voided(orderId: string) {
  return conflict('payment_voided', `The payment of order ${orderId} was voided before it was authorized`)
}
