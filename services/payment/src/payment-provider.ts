import type { ProviderFact } from './payment.ts'

export type AuthorizationRequest = {
  paymentId: string
  orderId: string
  amountCents: number
  currency: string
  token: string
}

export type RefundRequest = {
  refundId: string
  intentId: string
  amountCents: number
  reason: string
}

export type RefundFact = {
  state: 'pending' | 'succeeded' | 'failed'
  providerRefundId: string
  failureCode: string | null
}

/** A signed message of the provider: what it is about, as far as it concerns us. */
export type ProviderEvent = {
  id: string
  type: string
  subject:
    | { kind: 'payment'; paymentId: string; fact: ProviderFact }
    | { kind: 'refund'; refundId: string; fact: RefundFact }
    | { kind: 'other' }
}

export type ProviderRecord = {
  intentId: string
  /** Ours, as far as the provider's record carries it. */
  paymentId: string | null
  state: ProviderFact['state']
  amountCents: number
  capturedCents: number
  refundedCents: number
}

type Range = { from: Date; to: Date }

/**
 * The one way to the card provider. Declines are results. Calls reject with `ProviderRefused` when the provider
 * said a definite no, and with `ProviderUnavailable` when what happened is not known.
 */
export type PaymentProvider = {
  readonly name: 'stripe'
  /** Safe to repeat with the same request for 24 hours: it charges once and answers the same. */
  readonly authorize: (request: AuthorizationRequest) => Promise<ProviderFact>
  readonly retrieve: (intentId: string) => Promise<ProviderFact>
  /** Looks an authorization up that was made in the range; null when the provider has none. */
  readonly find: (paymentId: string, range: Range) => Promise<ProviderFact | null>
  readonly capture: (intentId: string) => Promise<ProviderFact>
  readonly void: (intentId: string) => Promise<ProviderFact>
  /** Safe to repeat with the same `refundId` for 24 hours. */
  readonly refund: (request: RefundRequest) => Promise<RefundFact>
  readonly findRefund: (refundId: string, intentId: string) => Promise<RefundFact | null>
  /** All payments made in the range, at most `limit` and whether that was all. */
  readonly list: (range: Range, limit: number) => Promise<{ records: ProviderRecord[]; isComplete: boolean }>
  /** One payment as `list` shows it; null when the provider does not know it. */
  readonly lookUp: (intentId: string) => Promise<ProviderRecord | null>
  /** Checks the signature on the raw body, then reads it; a signature that is too old counts as none. */
  readonly parseWebhook: (rawBody: Buffer, signature: string) => ProviderEvent | 'not_signed' | 'not_an_event'
  /** The customer's step at the bank; only where the provider is the sandbox. */
  readonly act: ((intentId: string, outcome: 'approve' | 'decline') => Promise<ProviderFact>) | null
}

/** No answer, or one that leaves open whether the call took effect. Ask again later. */
export class ProviderUnavailable extends Error {
  override name = 'ProviderUnavailable'
}

/** A definite no. `code` is the provider's. */
export class ProviderRefused extends Error {
  override name = 'ProviderRefused'
  readonly code: string

  constructor(code: string, message: string, options: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
