import { afterAll, beforeAll, expect, test } from 'vitest'
import { card, cardPayment, errorOf, startSandbox } from './start-sandbox.ts'

let running: Awaited<ReturnType<typeof startSandbox>>
beforeAll(async () => {
  running = await startSandbox({ settleDelayMs: 150, timeoutMs: 2_000 })
  await running.stripe.rawRequest('POST', '/_sandbox/webhooks', { mode: 'off' })
})
afterAll(() => running.close())

test('authorizes, captures once and refunds in parts up to what was captured', async () => {
  const { stripe } = running
  const intent = await stripe.paymentIntents.create(
    cardPayment('tok_visa', { metadata: { order_id: 'o-1' } }),
  )
  expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 4_200, amount_received: 0 })

  const early = await errorOf(stripe.refunds.create({ payment_intent: intent.id }))
  expect(early.code).toBe('payment_intent_unexpected_state')

  const tooMuch = await errorOf(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_201 }))
  expect(tooMuch).toMatchObject({ statusCode: 400, code: 'amount_too_large' })

  const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_000 })
  expect(captured).toMatchObject({ status: 'succeeded', amount_received: 4_000, amount_capturable: 0 })
  const again = await errorOf(stripe.paymentIntents.capture(intent.id))
  expect(again).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state' })
  const cancel = await errorOf(stripe.paymentIntents.cancel(intent.id))
  expect(cancel.code).toBe('payment_intent_unexpected_state')

  const first = await stripe.refunds.create({ payment_intent: intent.id, amount: 1_500 })
  expect(first).toMatchObject({ amount: 1_500, status: 'succeeded' })
  const over = await errorOf(stripe.refunds.create({ payment_intent: intent.id, amount: 2_501 }))
  expect(over).toMatchObject({ statusCode: 400, param: 'amount' })
  const rest = await stripe.refunds.create({ payment_intent: intent.id })
  expect(rest.amount).toBe(2_500)
  const none = await errorOf(stripe.refunds.create({ payment_intent: intent.id }))
  expect(none.code).toBe('charge_already_refunded')

  const refunds = await stripe.refunds.list({ payment_intent: intent.id })
  expect(refunds.data.map((refund) => refund.amount)).toEqual([2_500, 1_500])
  const read = await stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] })
  expect(read.latest_charge).toMatchObject({ amount_captured: 4_000, amount_refunded: 4_000, refunded: true })
})

test('cancels an authorization once', async () => {
  const { stripe } = running
  const intent = await stripe.paymentIntents.create(cardPayment('tok_visa'))
  const canceled = await stripe.paymentIntents.cancel(intent.id)
  expect(canceled).toMatchObject({ status: 'canceled', amount_capturable: 0 })
  expect((await errorOf(stripe.paymentIntents.cancel(intent.id))).code).toBe(
    'payment_intent_unexpected_state',
  )
  expect((await errorOf(stripe.paymentIntents.capture(intent.id))).code).toBe(
    'payment_intent_unexpected_state',
  )
})

test.each([
  ['tok_declined', 'generic_decline'],
  ['tok_insufficient_funds', 'insufficient_funds'],
])(
  '%s is a card error with the code %s, and the intent can be tried with another card',
  async (token, code) => {
    const { stripe } = running
    const error = await errorOf(stripe.paymentIntents.create(cardPayment(token)))
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: code,
    })
    const intent = error.payment_intent
    expect(intent?.status).toBe('requires_payment_method')
    const confirmed = await stripe.paymentIntents.confirm(String(intent?.id), {
      payment_method_data: card('tok_visa'),
    })
    expect(confirmed.status).toBe('requires_capture')
  },
)

test('tok_3ds waits for the bank; each outcome can be repeated and not be changed', async () => {
  const { stripe } = running
  const approved = await stripe.paymentIntents.create(cardPayment('tok_3ds'))
  expect(approved).toMatchObject({ status: 'requires_action', next_action: { type: 'use_stripe_sdk' } })
  const path = `/_sandbox/payment_intents/${approved.id}/authenticate`
  for (let round = 0; round < 2; round += 1) {
    const settled = await stripe.rawRequest('POST', path, { outcome: 'approve' })
    expect(settled.status).toBe('requires_capture')
  }
  const changed = await errorOf(stripe.rawRequest('POST', path, { outcome: 'decline' }))
  expect(changed.code).toBe('payment_intent_unexpected_state')

  const withReturn = await stripe.paymentIntents.create(
    cardPayment('tok_3ds', { return_url: 'https://shop.test/back' }),
  )
  expect(withReturn.next_action?.redirect_to_url?.return_url).toBe('https://shop.test/back')
  const declined = await stripe.rawRequest(
    'POST',
    `/_sandbox/payment_intents/${withReturn.id}/authenticate`,
    { outcome: 'decline' },
  )
  expect(declined).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { code: 'payment_intent_authentication_failure' },
  })
})

test('tok_flaky fails the first try of each idempotency key and works on the next', async () => {
  const { stripe } = running
  const options = { idempotencyKey: 'flaky-1' }
  const error = await errorOf(stripe.paymentIntents.create(cardPayment('tok_flaky'), options))
  expect(error).toMatchObject({ type: 'StripeAPIError', statusCode: 500 })
  const intent = await stripe.paymentIntents.create(cardPayment('tok_flaky'), options)
  expect(intent.status).toBe('requires_capture')
  const retried = await stripe.paymentIntents.create(cardPayment('tok_flaky'), { maxNetworkRetries: 1 })
  expect(retried.status).toBe('requires_capture')
})

test('tok_timeout is never answered, but its key answers once it is settled', async () => {
  const { stripe } = running
  const metadata = { order_id: 'silent-1' }
  const options = { idempotencyKey: 'silent-1', timeout: 60 }
  const params = cardPayment('tok_timeout', { metadata })
  const error = await errorOf(stripe.paymentIntents.create(params, options))
  expect(error.type).toBe('StripeConnectionError')

  const busy = await errorOf(stripe.paymentIntents.create(params, { idempotencyKey: 'silent-1' }))
  expect(busy).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' })
  const held = await stripe.rawRequest('GET', '/_sandbox/payment_intents?metadata[order_id]=silent-1')
  expect(held.data).toHaveLength(1)
  const cancel = await errorOf(stripe.paymentIntents.cancel(held.data[0].id))
  expect(cancel.code).toBe('payment_intent_unexpected_state')

  await expect
    .poll(
      () =>
        stripe.paymentIntents.create(params, { idempotencyKey: 'silent-1' }).then(
          (one) => one.status,
          () => null,
        ),
      {
        timeout: 3_000,
      },
    )
    .toBe('requires_capture')
  const after = await stripe.rawRequest('GET', '/_sandbox/payment_intents?metadata[order_id]=silent-1')
  expect(after.data).toHaveLength(1)
})

test.each([
  ['amount 0', { amount: 0 }, 'amount'],
  ['a negative amount', { amount: -1 }, 'amount'],
  ['a broken amount', { amount: 1.5 }, 'amount'],
  ['too large an amount', { amount: 100_000_000 }, 'amount'],
  ['a bad currency', { currency: 'dollars' }, 'currency'],
  ['an unknown parameter', { colour: 'green' }, 'colour'],
  ['no payment method', { payment_method_data: undefined }, 'payment_method_data'],
  [
    'an unknown token',
    { payment_method_data: { type: 'card', card: { token: 'tok_toString' } } },
    'payment_method_data[card][token]',
  ],
])('refuses %s and keeps nothing', async (_name, change, param) => {
  const { stripe } = running
  const metadata = { order_id: `bad-${param}` }
  const params = { ...cardPayment('tok_visa', { metadata }), ...change }
  const error = await errorOf(stripe.rawRequest('POST', '/v1/payment_intents', params))
  expect(error).toMatchObject({ statusCode: 400, type: 'StripeInvalidRequestError', param })
  const kept = await stripe.rawRequest(
    'GET',
    `/_sandbox/payment_intents?metadata[order_id]=bad-${encodeURIComponent(param)}`,
  )
  expect(kept.data).toEqual([])
})

test('lists by creation, newest first, in pages that the SDK can walk', async () => {
  const { stripe } = running
  const made: string[] = []
  for (let index = 0; index < 5; index += 1) {
    made.unshift((await stripe.paymentIntents.create(cardPayment('tok_visa'))).id)
  }
  const now = Math.floor(Date.now() / 1000)
  const walked: string[] = []
  for await (const intent of stripe.paymentIntents.list({
    limit: 2,
    created: { gte: now - 600, lte: now + 5 },
  })) {
    walked.push(intent.id)
    if (walked.length === 5) break
  }
  expect(walked).toEqual(made)
  expect((await stripe.paymentIntents.list({ created: { gt: now + 5 } })).data).toEqual([])
  const back = await stripe.paymentIntents.list({ ending_before: made[2], limit: 1 })
  expect(back.data.map((intent) => intent.id)).toEqual([made[1]])
})

test('refuses a wrong key, an unknown id and an unknown path in the form of Stripe', async () => {
  const { stripe, url } = running
  const answer = await fetch(`${url}/v1/payment_intents`, {
    headers: { authorization: 'Bearer sk_test_other' },
  })
  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  expect(await errorOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
  })
  expect((await errorOf(stripe.customers.list())).statusCode).toBe(404)
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
})
