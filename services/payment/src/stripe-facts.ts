import type { Stripe } from 'stripe'
import type { NextAction, ProviderFact } from './payment.ts'
import type { ProviderRecord, RefundFact } from './payment-provider.ts'

/** Stripe's objects in our words. */
export function toFact(intent: Stripe.PaymentIntent): ProviderFact {
  const error = intent.last_payment_error
  return {
    state: stateOf(intent),
    intentId: intent.id,
    capturedCents: intent.amount_received,
    declineCode: error ? (error.decline_code ?? error.code ?? 'card_declined') : null,
    nextAction: nextActionOf(intent),
  }
}

const states = new Map<string, ProviderFact['state']>([
  ['requires_action', 'requires_action'],
  ['requires_capture', 'authorized'],
  ['succeeded', 'captured'],
  ['canceled', 'canceled'],
])

/** Without an error a missing payment method was not tried yet, as in the event of the intent's creation. */
function stateOf(intent: Stripe.PaymentIntent): ProviderFact['state'] {
  if (intent.status === 'requires_payment_method' && intent.last_payment_error) return 'declined'
  return states.get(intent.status) ?? 'processing'
}

function nextActionOf(intent: Stripe.PaymentIntent): NextAction | null {
  const action = intent.next_action
  if (!action) return null
  return {
    type: action.type,
    ...(intent.client_secret && { clientSecret: intent.client_secret }),
    ...(action.redirect_to_url?.url && { url: action.redirect_to_url.url }),
  }
}

export function toRefundFact(refund: Stripe.Refund): RefundFact {
  const isFailed = refund.status === 'failed' || refund.status === 'canceled'
  return {
    state: isFailed ? 'failed' : refund.status === 'succeeded' ? 'succeeded' : 'pending',
    providerRefundId: refund.id,
    failureCode: isFailed ? (refund.failure_reason ?? refund.status) : null,
  }
}

/** Wants the charge expanded, because only the charge knows what was refunded. */
export function toRecord(intent: Stripe.PaymentIntent): ProviderRecord {
  const charge = intent.latest_charge
  return {
    intentId: intent.id,
    paymentId: intent.metadata.payment_id ?? null,
    state: stateOf(intent),
    amountCents: intent.amount,
    capturedCents: intent.amount_received,
    refundedCents: charge !== null && typeof charge === 'object' ? charge.amount_refunded : 0,
  }
}
