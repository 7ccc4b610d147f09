import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorization, capturedPayment, type Running, startPayment } from './start-payment.ts'

let running: Running
beforeAll(async () => {
  running = await startPayment()
})
afterAll(() => running.close())

/** What a process leaves that died after it had recorded a payment and before the provider answered. */
async function recordOnly(token: string) {
  const input = authorization(token)
  const id = newId()
  await running.rows(
    `insert into payments (id, order_id, customer_id, status, amount_cents, goods_cents, delivery_cents, tax_cents,
       provider, provider_token, due_at) values ($1, $2, $3, 'processing', 5445, 4500, 500, 445, 'stripe', $4, now())`,
    [id, input.orderId, input.customerId, token],
  )
  return { id, input }
}

const statusOf = async (id: string) =>
  (await running.rows('select status from payments where id = $1', [id]))[0]?.status

test('a payment that was recorded and never sent is authorized, and order is told', async () => {
  const { id, input } = await recordOnly('tok_visa')
  await waitFor(async () => (await statusOf(id)) === 'authorized', { describe: 'the payment is authorized' })
  await waitFor(
    () => running.told.some(({ data }) => data.paymentId === id && data.status === 'authorized'),
    {
      describe: 'order is told',
    },
  )
  expect(await running.intentsOf(input.orderId)).toHaveLength(1)
})

test('a payment that was sent and whose answer was lost is not charged again', async () => {
  await running.webhooks('off')
  try {
    const { id, input } = await recordOnly('tok_visa')
    const answers = await Promise.all([
      running.call('', input),
      running.call('', input),
      running.call(`/${input.orderId}/refresh`),
    ])
    expect(answers.map(({ body }) => body.status)).toEqual(['authorized', 'authorized', 'authorized'])
    expect(await running.intentsOf(input.orderId)).toHaveLength(1)
    expect(await statusOf(id)).toBe('authorized')
  } finally {
    await running.webhooks('normal')
  }
})

test('a webhook that never comes is replaced by asking the provider', async () => {
  await running.webhooks('off')
  try {
    const input = authorization('tok_timeout')
    const { body } = await running.call('', input)
    expect(body.status).toBe('processing')
    await waitFor(async () => (await statusOf(body.id)) === 'authorized', {
      describe: 'the payment is authorized',
    })
    expect(await running.intentsOf(input.orderId)).toHaveLength(1)
  } finally {
    await running.webhooks('normal')
  }
})

test('an old payment is looked up at the provider instead of being sent again', async () => {
  const { id } = await recordOnly('tok_visa')
  await waitFor(async () => (await statusOf(id)) === 'authorized', { describe: 'the payment is authorized' })

  const never = await recordOnly('tok_visa')
  // Older than the provider remembers idempotency keys, in the statement before the settling job can claim it.
  const oldId = newId()
  const oldOrder = newId()
  await running.rows(
    `insert into payments (id, order_id, customer_id, status, amount_cents, goods_cents, delivery_cents, tax_cents,
       provider, provider_token, due_at, created_at)
     values ($1, $2, $3, 'processing', 100, 100, 0, 0, 'stripe', 'tok_visa', now(), now() - interval '25 hours')`,
    [oldId, oldOrder, newId()],
  )
  await waitFor(async () => (await statusOf(oldId)) === 'declined', {
    describe: 'the old payment is given up',
  })
  expect(await running.intentsOf(oldOrder)).toEqual([])
  await waitFor(async () => (await statusOf(never.id)) === 'authorized', {
    describe: 'the young one is sent',
  })
})

test.each([
  ['capture_requested_at', 'captured', 'succeeded'],
  ['void_requested_at', 'voided', 'canceled'],
])('a payment with %s that nobody carried out ends %s', async (column, status, atProvider) => {
  const input = authorization('tok_visa')
  const { body } = await running.call('', input)
  await running.rows(`update payments set ${column} = now(), due_at = now() where id = $1`, [body.id])
  await waitFor(async () => (await statusOf(body.id)) === status, { describe: `the payment is ${status}` })
  expect(await running.intentsOf(input.orderId)).toMatchObject([{ status: atProvider }])
  await waitFor(() => running.told.some(({ data }) => data.paymentId === body.id && data.status === status), {
    describe: 'order is told',
  })
})

test('a capture that the provider made and we did not record is booked from its own state', async () => {
  await running.webhooks('off')
  try {
    const input = authorization('tok_visa')
    const { body } = await running.call('', input)
    const intent = await running.intentOf(input.orderId)
    await running.stripe.paymentIntents.capture(intent.id)
    expect((await running.call(`/${input.orderId}/capture`)).body.status).toBe('captured')
    const booked = await running.rows('select kind from ledger_transactions where payment_id = $1', [body.id])
    expect(booked).toEqual([{ kind: 'capture' }])
  } finally {
    await running.webhooks('normal')
  }
})

test('a refund that was recorded and not sent is made once, also when the provider had made it already', async () => {
  await running.webhooks('off')
  try {
    for (const isAlreadyMade of [false, true]) {
      const { id, orderId } = await capturedPayment(running)
      const intent = await running.intentOf(orderId)
      const refundId = newId()
      if (isAlreadyMade) {
        const params = { payment_intent: intent.id, amount: 700, metadata: { refund_id: refundId } }
        await running.stripe.refunds.create(params)
      }
      await running.rows(
        `with reserved as (update payments set refund_pending_cents = 700 where id = $2)
         insert into refunds (id, payment_id, amount_cents, reason, idempotency_key, request_fingerprint, status, due_at)
         values ($1, $2, 700, 'wilted', 'lost', 'x', 'pending', now())`,
        [refundId, id],
      )
      await waitFor(async () => (await statusOf(id)) === 'partially_refunded', {
        describe: 'the refund is recorded',
      })
      const made = await running.stripe.refunds.list({ payment_intent: intent.id })
      expect(made.data).toMatchObject([{ amount: 700, metadata: { refund_id: refundId } }])
      const [row] = await running.rows(
        'select refunded_cents::int, refund_pending_cents::int from payments where id = $1',
        [id],
      )
      expect(row).toEqual({ refunded_cents: 700, refund_pending_cents: 0 })
    }
  } finally {
    await running.webhooks('normal')
  }
})

test('with the provider away, calls answer in time and remember what was asked; the job finishes it later', async () => {
  const own = await startPayment()
  try {
    await own.sandbox.close()
    const kept = authorization('tok_visa')
    const given = authorization('tok_visa')
    const started = performance.now()
    const answers = await Promise.all([own.call('', kept), own.call('', given)])
    expect(answers).toMatchObject([{ body: { status: 'processing' } }, { body: { status: 'processing' } }])
    expect(performance.now() - started).toBeLessThan(3_000)
    expect((await own.call(`/${given.orderId}/void`)).body.status).toBe('processing')

    await own.sandbox.reopen()
    const statuses = () =>
      own.rows('select status from payments where order_id = any($1) order by order_id', [
        [kept.orderId, given.orderId],
      ])
    await waitFor(async () => (await statuses()).map(({ status }) => status).join() === 'authorized,voided', {
      describe: 'one payment is authorized and the other voided',
      timeoutMs: 20_000,
    })
    expect(await own.intentsOf(given.orderId)).toMatchObject([{ status: 'canceled' }])
  } finally {
    await own.close()
  }
})
