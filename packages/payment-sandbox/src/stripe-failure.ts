import type { PaymentIntent } from './stripe-objects.ts'

type FailureType = 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error'

export type FailureBody = {
  error: {
    type: FailureType
    message: string
    code?: string
    decline_code?: string
    param?: string
    charge?: string
    payment_intent?: PaymentIntent
  }
}

/** An answer in Stripe's error form. Whatever the request had written is rolled back when it is thrown. */
export class StripeFailure extends Error {
  override name = 'StripeFailure'
  readonly status: number
  readonly body: FailureBody
  /** Whether a later request with the same idempotency key gets this same answer. */
  readonly replayed: boolean

  constructor(status: number, body: FailureBody, replayed: boolean) {
    super(body.error.message)
    this.status = status
    this.body = body
    this.replayed = replayed
  }
}

type Hint = { code?: string; param?: string }

/** Parameters that do not validate: answered, but never recorded for the idempotency key. */
export function invalidRequest(message: string, hint: Hint = {}, status = 400): StripeFailure {
  return new StripeFailure(status, { error: { type: 'invalid_request_error', message, ...hint } }, false)
}

/** A request that is well formed but refused because of the state it met; Stripe replays such an answer. */
export function refused(message: string, hint: Hint = {}): StripeFailure {
  return new StripeFailure(400, { error: { type: 'invalid_request_error', message, ...hint } }, true)
}

export function unexpectedState(action: string, intent: PaymentIntent): StripeFailure {
  const failure = refused(`This PaymentIntent's status is ${intent.status}, so it could not be ${action}.`, {
    code: 'payment_intent_unexpected_state',
  })
  failure.body.error.payment_intent = intent
  return failure
}

export function noSuch(kind: string, id: string, param = 'id'): StripeFailure {
  return invalidRequest(`No such ${kind}: '${id}'`, { code: 'resource_missing', param }, 404)
}

export function idempotencyMismatch(key: string): StripeFailure {
  const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`
  return new StripeFailure(400, { error: { type: 'idempotency_error', message } }, false)
}

export function idempotencyInUse(key: string): StripeFailure {
  const message = `There is currently another in-progress request using the idempotency key '${key}'. Please try again later.`
  const error = { type: 'idempotency_error', code: 'idempotency_key_in_use', message } as const
  return new StripeFailure(409, { error }, false)
}
