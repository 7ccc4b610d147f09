import { settleAnswer } from './answer-once.ts'
import type { Answer, Call, SandboxContext } from './sandbox-context.ts'
import { invalidRequest, refused, StripeFailure, unexpectedState } from './stripe-failure.ts'
import {
  type Charge,
  type NextAction,
  newStripeId,
  type PaymentError,
  type PaymentIntent,
  unixSeconds,
} from './stripe-objects.ts'

type CardBehaviour =
  | 'approves'
  | 'challenges'
  | 'stays_silent'
  | 'fails_first'
  | { declines: string; because: string }

const CARDS: Record<string, CardBehaviour> = {
  tok_visa: 'approves',
  tok_3ds: 'challenges',
  tok_timeout: 'stays_silent',
  tok_flaky: 'fails_first',
  tok_declined: { declines: 'generic_decline', because: 'Your card was declined.' },
  tok_insufficient_funds: { declines: 'insufficient_funds', because: 'Your card has insufficient funds.' },
}

export type NewIntent = {
  amount: number
  currency: string
  captureMethod: 'automatic' | 'manual'
  description: string | null
  customer: string | null
  metadata: Record<string, string>
}

export function makeIntent(input: NewIntent): PaymentIntent {
  const id = newStripeId('pi')
  return {
    id,
    object: 'payment_intent',
    amount: input.amount,
    amount_capturable: 0,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: input.captureMethod,
    client_secret: `${id}_secret_${newStripeId('pm').slice(3)}`,
    confirmation_method: 'automatic',
    created: unixSeconds(),
    currency: input.currency,
    customer: input.customer,
    description: input.description,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata: input.metadata,
    next_action: null,
    payment_method: null,
    payment_method_types: ['card'],
    status: 'requires_payment_method',
  }
}

type Confirmation = { token: string; returnUrl: string | undefined }

/** Tries the card behind `token`; the token decides the outcome. */
export function confirmIntent(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  { token, returnUrl }: Confirmation,
): Answer {
  if (intent.status !== 'requires_payment_method' && intent.status !== 'requires_confirmation') {
    throw unexpectedState('confirmed', intent)
  }
  const card = Object.hasOwn(CARDS, token) ? CARDS[token] : undefined
  if (card === undefined) {
    const param = 'payment_method_data[card][token]'
    throw invalidRequest(`No such token: '${token}'`, { code: 'resource_missing', param })
  }
  if (card === 'fails_first' && call.isFirstTry) {
    const message = 'An unknown error occurred. (tok_flaky fails the first try of every idempotency key.)'
    throw new StripeFailure(500, { error: { type: 'api_error', message } }, false)
  }
  intent.payment_method = newStripeId('pm')
  intent.last_payment_error = null
  if (typeof card === 'object') {
    const error = cardError('card_declined', card.because, card.declines)
    decline(ctx, call, intent, error)
    return { status: 402, body: { error: { ...error, payment_intent: intent } } }
  }
  if (card === 'challenges') return challenge(ctx, call, intent, returnUrl)
  if (card === 'stays_silent') return fallSilent(ctx, call, intent)
  approve(ctx, call, intent)
  return { status: 200, body: intent }
}

function challenge(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  returnUrl: string | undefined,
): Answer {
  const url = `http://${ctx.config.host}:${ctx.config.port}/_sandbox/payment_intents/${intent.id}/authenticate`
  const action: NextAction =
    returnUrl === undefined
      ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } }
      : { type: 'redirect_to_url', redirect_to_url: { url, return_url: returnUrl } }
  intent.status = 'requires_action'
  intent.next_action = action
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'payment_intent.requires_action', intent)
  return { status: 200, body: intent }
}

function fallSilent(ctx: SandboxContext, call: Call, intent: PaymentIntent): Answer {
  intent.status = 'processing'
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'payment_intent.processing', intent)
  ctx.store.db
    .prepare('insert into settlements (intent_id, idempotency_key, due_ms) values (?, ?, ?)')
    .run(intent.id, call.idempotencyKey, Date.now() + ctx.config.settleDelayMs)
  return 'silent'
}

/** Ends what `tok_timeout` began: approves the intent and gives its request the answer it never sent. */
export function settleIntent(ctx: SandboxContext, intentId: string, idempotencyKey: string | null): void {
  ctx.store.transaction(() => {
    const intent = ctx.store.get('payment_intent', intentId)
    const call = { requestId: newStripeId('req'), idempotencyKey, isFirstTry: false, eventIds: [] }
    if (intent.status === 'processing') approve(ctx, call, intent)
    if (idempotencyKey !== null) settleAnswer(ctx, idempotencyKey, { status: 200, body: intent })
    ctx.store.db.prepare('delete from settlements where intent_id = ?').run(intentId)
  })
  ctx.webhooks.wake()
}

/** The customer's step at the bank, for an intent that `requires_action`. Repeating an outcome changes nothing. */
export function authenticateIntent(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  outcome: 'approve' | 'decline',
): PaymentIntent {
  const failed = intent.last_payment_error?.code === 'payment_intent_authentication_failure'
  if (outcome === 'decline' && failed) return intent
  if (outcome === 'approve' && (intent.status === 'requires_capture' || intent.status === 'succeeded'))
    return intent
  if (intent.status !== 'requires_action') throw unexpectedState('authenticated', intent)
  if (outcome === 'approve') {
    approve(ctx, call, intent)
  } else {
    const message = 'The provided payment method has failed authentication.'
    decline(ctx, call, intent, cardError('payment_intent_authentication_failure', message))
  }
  return intent
}

function approve(ctx: SandboxContext, call: Call, intent: PaymentIntent): void {
  const charge: Charge = {
    id: newStripeId('ch'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    captured: false,
    created: unixSeconds(),
    currency: intent.currency,
    livemode: false,
    metadata: intent.metadata,
    paid: true,
    payment_intent: intent.id,
    refunded: false,
    status: 'succeeded',
  }
  ctx.store.insert(charge)
  intent.latest_charge = charge.id
  intent.next_action = null
  intent.amount_capturable = intent.amount
  intent.status = 'requires_capture'
  if (intent.capture_method === 'automatic') return take(ctx, call, intent, intent.amount)
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'payment_intent.amount_capturable_updated', intent)
}

function decline(ctx: SandboxContext, call: Call, intent: PaymentIntent, error: PaymentError): void {
  intent.status = 'requires_payment_method'
  intent.next_action = null
  intent.last_payment_error = error
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'payment_intent.payment_failed', intent)
}

function cardError(code: string, message: string, declineCode?: string): PaymentError {
  return { type: 'card_error', code, message, ...(declineCode && { decline_code: declineCode }) }
}

/** Takes the money of an authorization once; what is not taken is released, as at Stripe. */
export function captureIntent(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  amount: number = intent.amount_capturable,
): PaymentIntent {
  if (intent.status !== 'requires_capture') throw unexpectedState('captured', intent)
  if (amount > intent.amount_capturable) {
    const message = `The amount to capture, ${amount}, is more than the capturable ${intent.amount_capturable}.`
    throw refused(message, { code: 'amount_too_large', param: 'amount_to_capture' })
  }
  take(ctx, call, intent, amount)
  return intent
}

function take(ctx: SandboxContext, call: Call, intent: PaymentIntent, amount: number): void {
  const charge = chargeOf(ctx, intent)
  charge.captured = true
  charge.amount_captured = amount
  intent.status = 'succeeded'
  intent.amount_received = amount
  intent.amount_capturable = 0
  ctx.store.update(charge)
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'charge.captured', charge)
  ctx.webhooks.emit(call, 'payment_intent.succeeded', intent)
}

export function cancelIntent(
  ctx: SandboxContext,
  call: Call,
  intent: PaymentIntent,
  reason: string | null,
): PaymentIntent {
  if (intent.status === 'succeeded' || intent.status === 'canceled' || intent.status === 'processing') {
    throw unexpectedState('canceled', intent)
  }
  intent.status = 'canceled'
  intent.amount_capturable = 0
  intent.next_action = null
  intent.canceled_at = unixSeconds()
  intent.cancellation_reason = reason
  ctx.store.update(intent)
  ctx.webhooks.emit(call, 'payment_intent.canceled', intent)
  return intent
}

/** The charge of an intent whose card was approved. */
export function chargeOf(ctx: SandboxContext, intent: PaymentIntent): Charge {
  if (typeof intent.latest_charge !== 'string') throw new Error(`payment intent ${intent.id} has no charge`)
  return ctx.store.get('charge', intent.latest_charge)
}
