import { askForOutcome, askProvider } from './ask-provider.ts'
import type { PaymentContext } from './context.ts'
import { type Payment, type ProviderFact, refundableCents } from './payment.ts'
import { ProviderRefused } from './payment-provider.ts'
import { clearDue } from './payment-store.ts'
import { recordFact } from './record-fact.ts'
import { refundPayment } from './refund-payment.ts'

/**
 * Drives a payment towards what was last asked of it: an outcome, a capture, or a void. Every step is safe to
 * repeat and to run twice side by side, so requests and the settling job share this function. What the provider
 * does not answer stays due.
 */
export async function pursuePayment(ctx: PaymentContext, payment: Payment): Promise<Payment> {
  let current = payment
  if (current.status === 'processing' || current.status === 'requires_action') {
    const fact = await askForOutcome(ctx, current)
    if (fact === null) return current
    current = await record(ctx, current, fact)
  }
  if (current.isVoidRequested) return carryOutVoid(ctx, current)
  if (current.isCaptureRequested && current.status === 'authorized') {
    current = (await callAndRecord(ctx, current, 'capture', ctx.provider.capture)) ?? current
  }
  if (!isOpen(current)) await clearDue(ctx.db, current)
  return current
}

async function carryOutVoid(ctx: PaymentContext, payment: Payment): Promise<Payment> {
  let current = payment
  if (current.status === 'processing') return current
  // The intent of a declined payment is closed too, so that its customer cannot pay it with another card.
  if (isOpen(current) || current.status === 'declined') {
    const answered = await callAndRecord(ctx, current, 'void', ctx.provider.void)
    if (answered === null || isOpen(answered)) return answered ?? current
    current = answered
  }
  if (current.status === 'captured' || current.status === 'partially_refunded') {
    current = await refundRest(ctx, current)
  }
  await clearDue(ctx.db, current)
  return current
}

/** Whether the provider may still hold or take money for it. */
function isOpen({ status }: Payment): boolean {
  return status === 'processing' || status === 'requires_action' || status === 'authorized'
}

/**
 * Where the provider refuses, the payment is not in the state we think; then it says in which. Null when it does
 * not answer.
 */
async function callAndRecord(
  ctx: PaymentContext,
  payment: Payment,
  call: 'capture' | 'void',
  work: (intentId: string) => Promise<ProviderFact>,
): Promise<Payment | null> {
  const { id, providerIntentId } = payment
  if (providerIntentId === null) return payment
  const fact = await askProvider(ctx, call, id, async () => {
    try {
      return await work(providerIntentId)
    } catch (err) {
      if (!(err instanceof ProviderRefused)) throw err
      ctx.log.warn({ paymentId: id, call, code: err.code }, 'the provider refused; its own state counts')
      return await ctx.provider.retrieve(providerIntentId)
    }
  })
  return fact === null ? null : record(ctx, payment, fact)
}

async function record(ctx: PaymentContext, payment: Payment, fact: ProviderFact): Promise<Payment> {
  return (await recordFact(ctx, ctx.db, payment.id, fact)) ?? payment
}

/** One refund of all that is left, whoever asks how often. */
async function refundRest(ctx: PaymentContext, payment: Payment): Promise<Payment> {
  if (refundableCents(payment) === 0) return payment
  const outcome = await refundPayment(ctx, payment.id, {
    amountCents: undefined,
    reason: 'order cancelled',
    idempotencyKey: 'void',
    requestedBy: null,
  })
  return outcome.payment
}
