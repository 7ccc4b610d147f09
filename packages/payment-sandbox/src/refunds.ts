import { chargeOf } from './payment-intents.ts'
import type { Call, SandboxContext } from './sandbox-context.ts'
import { refused } from './stripe-failure.ts'
import { newStripeId, type PaymentIntent, type Refund, unixSeconds } from './stripe-objects.ts'

type NewRefund = { amount: number | undefined; reason: string | null; metadata: Record<string, string> }

/** Gives back captured money, all that is left of it when no amount is named. */
export function createRefund(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  input: NewRefund,
): Refund {
  if (intent.status !== 'succeeded') {
    throw refused(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
      code: 'payment_intent_unexpected_state',
      param: 'payment_intent',
    })
  }
  const charge = chargeOf(ctx, intent)
  const left = charge.amount_captured - charge.amount_refunded
  if (left === 0) {
    throw refused(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' })
  }
  const amount = input.amount ?? left
  if (amount > left) {
    const message = `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`
    throw refused(message, { param: 'amount' })
  }
  const refund: Refund = {
    id: newStripeId('re'),
    object: 'refund',
    amount,
    charge: charge.id,
    created: unixSeconds(),
    currency: charge.currency,
    metadata: input.metadata,
    payment_intent: intent.id,
    reason: input.reason,
    status: 'succeeded',
  }
  charge.amount_refunded += amount
  charge.refunded = charge.amount_refunded === charge.amount_captured
  ctx.store.insert(refund)
  ctx.store.update(charge)
  ctx.webhooks.emit(call, 'refund.created', refund)
  ctx.webhooks.emit(call, 'charge.refunded', charge)
  return refund
}
