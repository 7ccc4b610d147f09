import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cardPayment, errorOf, startReceiver, startSandbox } from './start-sandbox.ts'

let receiver: Awaited<ReturnType<typeof startReceiver>>
let running: Awaited<ReturnType<typeof startSandbox>>
beforeAll(async () => {
  receiver = await startReceiver()
  running = await startSandbox({ webhookUrl: receiver.url })
})
afterAll(async () => {
  await running.close()
  await receiver.close()
})
beforeEach(async () => {
  await setMode('normal')
  receiver.received.length = 0
  receiver.tries.count = 0
})

test('sends signed events of a payment and lists the same ones', async () => {
  const { stripe } = running
  const intent = await stripe.paymentIntents.create(cardPayment('tok_visa'))
  await stripe.paymentIntents.capture(intent.id)
  await stripe.refunds.create({ payment_intent: intent.id, amount: 100 })
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(6)
  expect(receiver.types().toSorted()).toEqual([
    'charge.captured',
    'charge.refunded',
    'payment_intent.amount_capturable_updated',
    'payment_intent.created',
    'payment_intent.succeeded',
    'refund.created',
  ])
  const listed = await stripe.events.list({ type: 'payment_intent.succeeded', limit: 1 })
  const sent = receiver.received.find((one) => one.event.type === 'payment_intent.succeeded')
  expect(listed.data[0]).toEqual(sent?.event)
  expect(await stripe.events.retrieve(String(sent?.event.id))).toEqual(sent?.event)
})

test('tells the outcome of tok_timeout after the settling delay', async () => {
  await errorOf(running.stripe.paymentIntents.create(cardPayment('tok_timeout'), { timeout: 50 }))
  await expect
    .poll(() => receiver.types(), { timeout: 3_000 })
    .toContain('payment_intent.amount_capturable_updated')
})

test('tells declines and the outcome of 3-D Secure', async () => {
  const { stripe } = running
  await errorOf(stripe.paymentIntents.create(cardPayment('tok_declined')))
  const intent = await stripe.paymentIntents.create(cardPayment('tok_3ds'))
  await stripe.rawRequest('POST', `/_sandbox/payment_intents/${intent.id}/authenticate`, {
    outcome: 'approve',
  })
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(5)
  expect(receiver.types()).toEqual(
    expect.arrayContaining([
      'payment_intent.payment_failed',
      'payment_intent.requires_action',
      'payment_intent.amount_capturable_updated',
    ]),
  )
})

test('tries again when the receiver fails, and gives up after a bounded number of tries', async () => {
  receiver.tries.refuseNext = 2
  await running.stripe.paymentIntents.create(cardPayment('tok_visa', { confirm: false }))
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(1)
  expect(receiver.tries.count).toBe(3)

  receiver.tries.refuseNext = 4
  await running.stripe.paymentIntents.create(
    cardPayment('tok_visa', { confirm: false, metadata: { given: 'up' } }),
  )
  await expect.poll(() => receiver.tries.count, { timeout: 3_000 }).toBe(7)
  await running.stripe.paymentIntents.create(
    cardPayment('tok_visa', { confirm: false, metadata: { next: 'one' } }),
  )
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(2)
  expect(receiver.received[1]?.event.data.object).toMatchObject({ metadata: { next: 'one' } })
})

test('off sends nothing but records; twice sends everything twice', async () => {
  const { stripe } = running
  await setMode('off')
  const intent = await stripe.paymentIntents.create(cardPayment('tok_visa'))
  const recorded = await stripe.events.list({ type: 'payment_intent.created', limit: 1 })
  expect(recorded.data[0]?.data.object).toMatchObject({ id: intent.id })

  await setMode('twice')
  await stripe.paymentIntents.create(cardPayment('tok_visa', { confirm: false }))
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(2)
  expect(new Set(receiver.received.map((one) => one.event.id)).size).toBe(1)
  expect(receiver.received[0]?.event.data.object).not.toMatchObject({ id: intent.id })
})

test('before_answer delivers every event before the request is answered', async () => {
  await setMode('before_answer')
  await running.stripe.paymentIntents.create(cardPayment('tok_visa'))
  expect(receiver.types().toSorted()).toEqual([
    'payment_intent.amount_capturable_updated',
    'payment_intent.created',
  ])
})

test('delayMs holds events back', async () => {
  await setMode('normal', 150)
  const started = Date.now()
  await running.stripe.paymentIntents.create(cardPayment('tok_visa', { confirm: false }))
  await expect.poll(() => receiver.received.length, { timeout: 3_000 }).toBe(1)
  expect((receiver.received[0]?.at ?? 0) - started).toBeGreaterThanOrEqual(145)
})

async function setMode(mode: string, delayMs = 0): Promise<void> {
  await running.stripe.rawRequest('POST', '/_sandbox/webhooks', { mode, delayMs })
}
