import { remainingMs } from '@urbanbloom/service-kit/request-context'
import { Stripe } from 'stripe'
import type { Config } from './config.ts'
import type { ProviderFact } from './payment.ts'
import {
  type AuthorizationRequest,
  type PaymentProvider,
  ProviderRefused,
  ProviderUnavailable,
  type RefundRequest,
} from './payment-provider.ts'
import { readEvent } from './stripe-event.ts'
import { toFact, toRecord, toRefundFact } from './stripe-facts.ts'

/** Stripe's default, and the limit of the public contract. */
const WEBHOOK_TOLERANCE_SECONDS = 300
const MAX_NETWORK_RETRIES = 1
/** What the SDK sleeps before its retry, with room to record the outcome. */
const RETRY_MARGIN_MS = 700
const MIN_TIMEOUT_MS = 250
const PAGE = 100
const MAX_FIND = 1_000

/** The payment provider port on the official SDK. Production and sandbox differ by URL and key alone. */
export function createStripeProvider(config: Config['stripe']): PaymentProvider {
  const url = new URL(config.apiUrl)
  const protocol = url.protocol === 'http:' ? 'http' : 'https'
  const stripe = new Stripe(config.apiKey, {
    host: url.hostname,
    port: url.port === '' ? (protocol === 'http' ? 80 : 443) : url.port,
    protocol,
    maxNetworkRetries: MAX_NETWORK_RETRIES,
    timeout: config.timeoutMs,
    telemetry: false,
  })
  const limits = () => ({ timeout: timeoutWithin(config.timeoutMs) })

  return {
    name: 'stripe',
    authorize: (request) => authorize(stripe, request, limits()),
    retrieve: async (intentId) => toFact(await ask(stripe.paymentIntents.retrieve(intentId, {}, limits()))),
    async find(paymentId, range) {
      const { intents } = await listIntents(stripe, range, MAX_FIND, limits())
      const found = intents.find((intent) => intent.metadata.payment_id === paymentId)
      return found === undefined ? null : toFact(found)
    },
    capture: async (intentId) => toFact(await ask(stripe.paymentIntents.capture(intentId, {}, limits()))),
    void: async (intentId) => toFact(await ask(stripe.paymentIntents.cancel(intentId, {}, limits()))),
    refund: async (request) => toRefundFact(await ask(createRefund(stripe, request, limits()))),
    async findRefund(refundId, intentId) {
      const list = await ask(stripe.refunds.list({ payment_intent: intentId, limit: PAGE }, limits()))
      const found = list.data.find((refund) => refund.metadata?.refund_id === refundId)
      return found === undefined ? null : toRefundFact(found)
    },
    async list(range, limit) {
      const { intents, isComplete } = await listIntents(stripe, range, limit, limits())
      return { records: intents.map(toRecord), isComplete }
    },
    lookUp: (intentId) => lookUp(stripe, intentId, limits()),
    parseWebhook: (rawBody, signature) =>
      isSigned(stripe, rawBody, signature, config.webhookSecret)
        ? (readEvent(rawBody.toString('utf8')) ?? 'not_an_event')
        : 'not_signed',
    act: config.isSandbox
      ? async (intentId, outcome) => {
          const path = `/_sandbox/payment_intents/${intentId}/authenticate`
          const intent: Stripe.PaymentIntent = await ask(
            stripe.rawRequest('POST', path, { outcome }, limits()),
          )
          return toFact(intent)
        }
      : null,
  }
}

function isSigned(stripe: Stripe, rawBody: Buffer, signature: string, secret: string): boolean {
  try {
    // The SDK sets this up in its constructor; only its type leaves that open.
    const verifier = stripe.webhooks.signature
    return verifier?.verifyHeader(rawBody, signature, secret, WEBHOOK_TOLERANCE_SECONDS) ?? false
  } catch (err) {
    if (err instanceof Stripe.errors.StripeSignatureVerificationError) return false
    throw err
  }
}

type Limits = { timeout: number }

/** What one of two tries may take, so that both fit into what is left of the caller's deadline. */
function timeoutWithin(timeoutMs: number): number {
  const eachMs = Math.floor((remainingMs(60_000) - RETRY_MARGIN_MS) / (MAX_NETWORK_RETRIES + 1))
  return Math.max(MIN_TIMEOUT_MS, Math.min(timeoutMs, eachMs))
}

async function authorize(
  stripe: Stripe,
  request: AuthorizationRequest,
  limits: Limits,
): Promise<ProviderFact> {
  // The API takes a card's token here, which the SDK's types leave out.
  const card = { type: 'card' as const, card: { token: request.token } }
  const params: Stripe.PaymentIntentCreateParams = {
    amount: request.amountCents,
    currency: request.currency.toLowerCase(),
    capture_method: 'manual',
    confirm: true,
    allowed_payment_method_types: ['card'],
    payment_method_data: card,
    metadata: { payment_id: request.paymentId, order_id: request.orderId },
  }
  try {
    const idempotencyKey = `${request.orderId}-authorize`
    return toFact(await stripe.paymentIntents.create(params, { ...limits, idempotencyKey }))
  } catch (err) {
    if (!(err instanceof Stripe.errors.StripeCardError)) throw translate(err)
    const declineCode = err.decline_code ?? err.code ?? 'card_declined'
    const intentId = err.payment_intent?.id ?? null
    return { state: 'declined', intentId, capturedCents: 0, declineCode, nextAction: null }
  }
}

function createRefund(stripe: Stripe, request: RefundRequest, limits: Limits): Promise<Stripe.Refund> {
  const params: Stripe.RefundCreateParams = {
    payment_intent: request.intentId,
    amount: request.amountCents,
    reason: 'requested_by_customer',
    metadata: { refund_id: request.refundId, reason: request.reason },
  }
  return stripe.refunds.create(params, { ...limits, idempotencyKey: `${request.refundId}-refund` })
}

async function lookUp(stripe: Stripe, intentId: string, limits: Limits) {
  try {
    return toRecord(
      await ask(stripe.paymentIntents.retrieve(intentId, { expand: ['latest_charge'] }, limits)),
    )
  } catch (err) {
    if (err instanceof ProviderRefused && err.code === 'resource_missing') return null
    throw err
  }
}

async function listIntents(stripe: Stripe, range: { from: Date; to: Date }, limit: number, limits: Limits) {
  const created = { gte: Math.floor(range.from.getTime() / 1000), lte: Math.ceil(range.to.getTime() / 1000) }
  const intents: Stripe.PaymentIntent[] = []
  let after: string | undefined
  for (;;) {
    const page = await ask(
      stripe.paymentIntents.list(
        { created, limit: PAGE, expand: ['data.latest_charge'], ...(after && { starting_after: after }) },
        limits,
      ),
    )
    intents.push(...page.data)
    after = page.data.at(-1)?.id
    if (!page.has_more || after === undefined) return { intents, isComplete: true }
    if (intents.length >= limit) return { intents: intents.slice(0, limit), isComplete: false }
  }
}

async function ask<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (err) {
    throw translate(err)
  }
}

/** A 409 says that the same request still runs; a refused key or an outage says nothing of the payment. */
function translate(err: unknown): Error {
  const isDefinite =
    err instanceof Stripe.errors.StripeInvalidRequestError ||
    err instanceof Stripe.errors.StripeCardError ||
    err instanceof Stripe.errors.StripeIdempotencyError
  if (isDefinite && err.statusCode !== 409) {
    return new ProviderRefused(err.code ?? err.type, err.message, { cause: err })
  }
  return new ProviderUnavailable('The payment provider gave no usable answer', { cause: err })
}
