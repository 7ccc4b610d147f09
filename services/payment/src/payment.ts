import type { PaymentAnswer } from '@urbanbloom/contracts/payment'

export type PaymentStatus = PaymentAnswer['status']
export type NextAction = NonNullable<PaymentAnswer['nextAction']>

/** How an amount is booked; the parts sum to it. */
export type Split = { goodsCents: number; deliveryCents: number; taxCents: number }

export type Payment = {
  id: string
  orderId: string
  /** Null in a tombstone, which has no amount either. */
  customerId: string | null
  status: PaymentStatus
  amountCents: number
  capturedCents: number
  refundedCents: number
  refundPendingCents: number
  currency: string
  split: Split
  providerIntentId: string | null
  providerToken: string | null
  nextAction: NextAction | null
  declineCode: string | null
  isCaptureRequested: boolean
  isVoidRequested: boolean
  /** Whether its time has come for the settling job, so that nobody else can be at work on it. */
  isDue: boolean
  createdAt: Date
  updatedAt: Date
}

export type RefundStatus = 'pending' | 'succeeded' | 'failed'

export type Refund = {
  id: string
  paymentId: string
  amountCents: number
  reason: string
  requestFingerprint: string
  status: RefundStatus
  providerRefundId: string | null
  failureCode: string | null
  requestedBy: string | null
  settleTries: number
  createdAt: Date
}

/** What the provider says of a payment. It may be late: an older fact never undoes a newer one. */
export type ProviderFact = {
  state: 'processing' | 'requires_action' | 'authorized' | 'declined' | 'captured' | 'canceled'
  /** Null when the provider refused before it made anything. */
  intentId: string | null
  capturedCents: number
  declineCode: string | null
  nextAction: NextAction | null
}

type Transition = { to: PaymentStatus; from: readonly PaymentStatus[] }

/** Which move a fact of the provider makes, and from where; from elsewhere it changes nothing. */
export const transitionOf: Readonly<Record<ProviderFact['state'], Transition>> = {
  processing: { to: 'processing', from: ['processing'] },
  requires_action: { to: 'requires_action', from: ['processing'] },
  authorized: { to: 'authorized', from: ['processing', 'requires_action'] },
  declined: { to: 'declined', from: ['processing', 'requires_action'] },
  captured: { to: 'captured', from: ['processing', 'requires_action', 'authorized'] },
  canceled: { to: 'voided', from: ['processing', 'requires_action', 'authorized'] },
}

export function refundableCents(payment: Payment): number {
  return payment.capturedCents - payment.refundedCents - payment.refundPendingCents
}

/** The answer to `order`, and what its copy of a payment is made of. */
export function toPaymentAnswer(payment: Payment): PaymentAnswer {
  return {
    id: payment.id,
    orderId: payment.orderId,
    status: payment.status,
    amountCents: payment.amountCents,
    currency: payment.currency,
    ...(payment.nextAction !== null && { nextAction: payment.nextAction }),
    ...(payment.declineCode !== null && { declineCode: payment.declineCode }),
  }
}

/**
 * The part of each account in a refund of `amountCents` after `refundedCents` were given back. Shares are cut
 * from the running total, so that whatever the steps, refunding everything returns exactly the split; a part may
 * be a cent below zero on the way.
 */
export function splitRefund(split: Split, refundedCents: number, amountCents: number): Split {
  const before = sharesOf(split, refundedCents)
  const after = sharesOf(split, refundedCents + amountCents)
  return {
    goodsCents: after.goodsCents - before.goodsCents,
    deliveryCents: after.deliveryCents - before.deliveryCents,
    taxCents: after.taxCents - before.taxCents,
  }
}

function sharesOf(split: Split, partCents: number): Split {
  const total = split.goodsCents + split.deliveryCents + split.taxCents
  const taxCents = Math.round((partCents * split.taxCents) / total)
  const taxAndDelivery = Math.round((partCents * (split.taxCents + split.deliveryCents)) / total)
  return { taxCents, deliveryCents: taxAndDelivery - taxCents, goodsCents: partCents - taxAndDelivery }
}
