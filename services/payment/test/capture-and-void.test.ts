import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorization, capturedPayment, type Running, startPayment } from './start-payment.ts'

let running: Running
beforeAll(async () => {
  running = await startPayment()
})
afterAll(() => running.close())

const entriesOf = (paymentId: string) =>
  running.rows(
    `select kind, account, amount_cents::int from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
     where payment_id = $1 order by kind, account`,
    [paymentId],
  )

test('captures once, however many ask, and books it once', async () => {
  const input = authorization('tok_visa')
  const { body } = await running.call('', input)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => running.call(`/${input.orderId}/capture`)),
  )
  expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200))
  expect((await running.call(`/${input.orderId}/capture`)).body.status).toBe('captured')
  expect(await entriesOf(body.id)).toEqual([
    { kind: 'capture', account: 'delivery_revenue', amount_cents: -500 },
    { kind: 'capture', account: 'goods_revenue', amount_cents: -4_500 },
    { kind: 'capture', account: 'provider_receivable', amount_cents: 5_445 },
    { kind: 'capture', account: 'tax_payable', amount_cents: -445 },
  ])
  expect(await running.intentsOf(input.orderId)).toMatchObject([
    { status: 'succeeded', amount_received: 5_445 },
  ])
})

test('voids an authorization, once and for good', async () => {
  const input = authorization('tok_visa')
  await running.call('', input)
  for (let round = 0; round < 2; round += 1) {
    expect((await running.call(`/${input.orderId}/void`)).body.status).toBe('voided')
  }
  expect(await running.intentsOf(input.orderId)).toMatchObject([{ status: 'canceled' }])
  expect((await running.call(`/${input.orderId}/capture`)).body.code).toBe('payment_voided')
  expect((await running.call('', input)).body.code).toBe('payment_voided')
})

test('voiding captured money refunds all of it, once, and the ledger comes back to zero', async () => {
  const { id, orderId } = await capturedPayment(running)
  const answers = await Promise.all(Array.from({ length: 4 }, () => running.call(`/${orderId}/void`)))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  await waitFor(async () => (await running.call(`/${orderId}/refresh`)).body.status === 'refunded', {
    describe: 'the payment is refunded',
  })
  const intent = await running.intentOf(orderId)
  const refunds = await running.stripe.refunds.list({ payment_intent: intent.id })
  expect(refunds.data.map((refund) => refund.amount)).toEqual([5_445])
  const left = await running.rows(
    `select account, sum(amount_cents)::int as cents from ledger_transactions t
       join ledger_entries e on e.transaction_id = t.id where payment_id = $1 group by account having sum(amount_cents) <> 0`,
    [id],
  )
  expect(left).toEqual([])
})

test('a void without a payment leaves a tombstone that refuses the authorization which comes late', async () => {
  const input = authorization('tok_visa')
  const tombstone = await running.call(`/${input.orderId}/void`)
  expect(tombstone).toMatchObject({
    status: 200,
    body: { orderId: input.orderId, status: 'voided', amountCents: 0 },
  })
  expect((await running.call(`/${input.orderId}/void`)).body).toEqual(tombstone.body)
  const late = await running.call('', input)
  expect(late).toMatchObject({ status: 409, body: { code: 'payment_voided' } })
  expect(await running.intentsOf(input.orderId)).toEqual([])
})

test('void and authorization side by side never leave money held', async () => {
  const inputs = Array.from({ length: 20 }, () => authorization('tok_visa'))
  await Promise.all(
    inputs.flatMap((input) => [running.call('', input), running.call(`/${input.orderId}/void`)]),
  )
  for (const input of inputs) {
    await waitFor(
      async () => (await running.intentsOf(input.orderId)).every((intent) => intent.status === 'canceled'),
      { describe: 'no authorization is left at the provider' },
    )
    expect((await running.call(`/${input.orderId}/void`)).body.status).toBe('voided')
  }
})

test('a payment without an outcome is voided as soon as the provider tells', async () => {
  const input = authorization('tok_timeout')
  const answer = running.call('', input)
  await waitFor(async () => (await running.intentsOf(input.orderId)).length === 1, {
    describe: 'the provider has the request',
  })
  expect((await running.call(`/${input.orderId}/void`)).status).toBe(200)
  expect((await answer).body.code).toBe('payment_voided')
  await waitFor(async () => (await running.intentsOf(input.orderId))[0]?.status === 'canceled', {
    describe: 'the authorization is canceled at the provider',
  })
  await waitFor(
    async () =>
      (
        await running.rows(
          `select 1 from payments where order_id = $1 and status = 'voided' and due_at is null`,
          [input.orderId],
        )
      ).length === 1,
    { describe: 'the payment is voided' },
  )
})

test('voids a payment that waits for its customer at the bank', async () => {
  const input = authorization('tok_3ds')
  await running.call('', input)
  expect((await running.call(`/${input.orderId}/void`)).body.status).toBe('voided')
  expect((await running.call(`/${input.orderId}/action`, { outcome: 'approve' })).status).toBe(409)
})

test('voiding a declined payment closes its intent at the provider', async () => {
  const input = authorization('tok_declined')
  await running.call('', input)
  expect((await running.call(`/${input.orderId}/void`)).body.status).toBe('declined')
  await waitFor(async () => (await running.intentsOf(input.orderId))[0]?.status === 'canceled', {
    describe: 'the intent of a declined payment is closed',
  })
  await waitFor(
    async () =>
      (await running.rows('select 1 from payments where order_id = $1 and due_at is null', [input.orderId]))
        .length === 1,
    { describe: 'nothing is left to settle' },
  )
})

test('refuses an empty path and an unknown member', async () => {
  expect((await running.call('/not-a-uuid/void')).status).toBe(400)
  expect((await running.call(`/${newId()}/void`, { force: true })).status).toBe(400)
})
