import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { API_KEY, cardPayment, errorOf, startSandbox } from './start-sandbox.ts'

let running: Awaited<ReturnType<typeof startSandbox>>
beforeAll(async () => {
  running = await startSandbox()
})
afterAll(() => running.close())

test('answers a repeated key with the first response, whatever happened since', async () => {
  const { stripe } = running
  const options = { idempotencyKey: 'same-1' }
  const first = await stripe.paymentIntents.create(cardPayment('tok_visa'), options)
  await stripe.paymentIntents.capture(first.id)
  const second = await stripe.paymentIntents.create(cardPayment('tok_visa'), options)
  expect(second).toEqual(first)
  expect(second.lastResponse.headers['idempotent-replayed']).toBe('true')
  expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined()
})

test('makes one charge of 50 requests with one key', async () => {
  const { stripe } = running
  const params = cardPayment('tok_visa', { metadata: { order_id: 'fifty' } })
  const intents = await Promise.all(
    Array.from({ length: 50 }, () => stripe.paymentIntents.create(params, { idempotencyKey: 'fifty' })),
  )
  expect(new Set(intents.map((intent) => intent.id)).size).toBe(1)
  const held = await stripe.rawRequest('GET', '/_sandbox/payment_intents?metadata[order_id]=fifty')
  expect(held.data).toHaveLength(1)
})

test('refuses a key with other parameters', async () => {
  const { stripe } = running
  const options = { idempotencyKey: 'other-1' }
  await stripe.paymentIntents.create(cardPayment('tok_visa'), options)
  const error = await errorOf(stripe.paymentIntents.create(cardPayment('tok_visa', { amount: 1 }), options))
  expect(error).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' })
})

test('replays declines and refusals, and forgets parameters that never validated', async () => {
  const { stripe } = running
  const declined = { idempotencyKey: 'declined-1' }
  const first = await errorOf(stripe.paymentIntents.create(cardPayment('tok_declined'), declined))
  const second = await errorOf(stripe.paymentIntents.create(cardPayment('tok_declined'), declined))
  expect(second.payment_intent?.id).toBe(first.payment_intent?.id)

  const wrong = { idempotencyKey: 'wrong-1' }
  await errorOf(stripe.paymentIntents.create(cardPayment('tok_unheard_of'), wrong))
  const right = await stripe.paymentIntents.create(cardPayment('tok_visa'), wrong)
  expect(right.status).toBe('requires_capture')
})

test('keeps payments, keys and unsettled work in its folder over a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'payment-sandbox-'))
  const before = await startSandbox({ dataDir, settleDelayMs: 400 })
  const params = cardPayment('tok_visa')
  const intent = await before.stripe.paymentIntents.create(params, { idempotencyKey: 'kept' })
  const silent = cardPayment('tok_timeout', { metadata: { order_id: 'kept' } })
  await errorOf(before.stripe.paymentIntents.create(silent, { idempotencyKey: 'silent', timeout: 50 }))
  await before.close()

  const after = await startSandbox({ dataDir, settleDelayMs: 400 })
  try {
    const again = await after.stripe.paymentIntents.create(params, { idempotencyKey: 'kept' })
    expect(again.id).toBe(intent.id)
    await expect
      .poll(
        async () => {
          const held = await after.stripe.rawRequest(
            'GET',
            '/_sandbox/payment_intents?metadata[order_id]=kept',
          )
          return held.data[0].status
        },
        { timeout: 5_000 },
      )
      .toBe('requires_capture')
  } finally {
    await after.close()
    await rm(dataDir, { recursive: true })
  }
})

test('closes at once while a request is left silent', async () => {
  const own = await startSandbox()
  const waiting = fetch(`${own.url}/v1/payment_intents`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'amount=100&currency=usd&confirm=true&payment_method_data[type]=card&payment_method_data[card][token]=tok_timeout',
  })
  const ended = waiting.then(
    () => 'answered',
    () => 'dropped',
  )
  await expect
    .poll(async () => (await own.stripe.paymentIntents.list()).data.length, { timeout: 2_000 })
    .toBe(1)
  const started = Date.now()
  await own.close()
  expect(await ended).toBe('dropped')
  expect(Date.now() - started).toBeLessThan(2_000)
})
