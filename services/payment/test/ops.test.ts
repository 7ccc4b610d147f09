import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorization, capturedPayment, type Running, startPayment } from './start-payment.ts'

let running: Running
let ops: string
beforeAll(async () => {
  running = await startPayment()
  ops = running.tokenFor('ops')
})
afterAll(() => running.close())

function refund(id: string, body: unknown, key: string | null = newId()) {
  const headers: Record<string, string> = key === null ? {} : { 'idempotency-key': key }
  return request('POST', `${running.url}/v1/payments/${id}/refunds`, { token: ops, body, headers })
}

const read = (id: string, token = ops) => request('GET', `${running.url}/v1/payments/${id}`, { token })
const reconcile = (query = '') =>
  request('GET', `${running.url}/v1/payments/reconciliation${query}`, { token: ops })

test('only ops sees payments and gives money back', async () => {
  const { id } = await capturedPayment(running)
  for (const [token, status] of [
    [undefined, 401],
    [running.tokenFor('customer'), 403],
  ] as const) {
    const options = token === undefined ? {} : { token }
    const body = { reason: 'wilted' }
    expect((await request('GET', `${running.url}/v1/payments/${id}`, options)).status).toBe(status)
    expect((await request('GET', `${running.url}/v1/payments/reconciliation`, options)).status).toBe(status)
    expect(
      (await request('POST', `${running.url}/v1/payments/${id}/refunds`, { ...options, body })).status,
    ).toBe(status)
  }
  expect((await read(newId())).body.code).toBe('payment_not_found')
  expect((await read('not-a-uuid')).status).toBe(400)
})

test('refunds in parts, replays a repeated key, and shows it all', async () => {
  const { id, orderId } = await capturedPayment(running)
  const key = newId()
  const first = await refund(id, { amountCents: 1_000, reason: 'one pot broke' }, key)
  expect(first).toMatchObject({
    status: 201,
    body: { status: 'succeeded', amountCents: 1_000, paymentId: id },
  })
  const again = await refund(id, { amountCents: 1_000, reason: 'one pot broke' }, key)
  expect(again.body).toEqual(first.body)
  expect(again.headers['idempotency-replayed']).toBe('true')
  expect((await refund(id, { amountCents: 2_000, reason: 'one pot broke' }, key)).body.code).toBe(
    'idempotency_key_reused',
  )
  expect((await read(id)).body).toMatchObject({
    status: 'partially_refunded',
    refundedCents: 1_000,
    capturedCents: 5_445,
  })

  const over = await refund(id, { amountCents: 4_446, reason: 'too much' })
  expect(over).toMatchObject({
    status: 409,
    body: { code: 'refund_exceeds_capture', refundableCents: 4_445 },
  })
  const rest = await refund(id, { reason: 'the rest' })
  expect(rest).toMatchObject({ status: 201, body: { amountCents: 4_445 } })
  expect((await refund(id, { reason: 'more' })).body.code).toBe('refund_exceeds_capture')

  const { body } = await read(id)
  expect(body).toMatchObject({ orderId, status: 'refunded', refundedCents: 5_445, refundPendingCents: 0 })
  expect(body.refunds).toHaveLength(2)
  const sums: Record<string, number> = {}
  for (const { account, amountCents } of body.ledger) sums[account] = (sums[account] ?? 0) + amountCents
  expect(sums).toEqual({ provider_receivable: 0, goods_revenue: 0, delivery_revenue: 0, tax_payable: 0 })
  await waitFor(() => running.told.some(({ data }) => data.paymentId === id && data.status === 'refunded'), {
    describe: 'order is told of the refund',
  })
})

test('refunds side by side never exceed the capture', async () => {
  const { id, orderId } = await capturedPayment(running)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? refund(id, { amountCents: 1_000, reason: 'race' })
        : running.call(`/${orderId}/refunds`, {
            amountCents: 1_000,
            reason: 'race',
            idempotencyKey: newId(),
          }),
    ),
  )
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(5)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(15)
  expect((await read(id)).body).toMatchObject({
    refundedCents: 5_000,
    refundPendingCents: 0,
    status: 'partially_refunded',
  })
  const intent = await running.intentOf(orderId)
  const made = await running.stripe.refunds.list({ payment_intent: intent.id, limit: 100 })
  expect(made.data.map(({ amount }) => amount)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000])
})

test('twenty requests with one key make one refund', async () => {
  const { id } = await capturedPayment(running)
  const key = newId()
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => refund(id, { amountCents: 400, reason: 'same' }, key)),
  )
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect((await read(id)).body.refundedCents).toBe(400)
})

test('a refund that the provider refuses is a 409 and leaves the money refundable', async () => {
  const { id, orderId } = await capturedPayment(running)
  const intent = await running.intentOf(orderId)
  // Somebody refunded by hand at the provider, so that it has less left than we know of.
  await running.stripe.refunds.create({ payment_intent: intent.id, amount: 5_000 })
  const key = newId()
  const answer = await refund(id, { amountCents: 1_000, reason: 'too late' }, key)
  expect(answer).toMatchObject({ status: 409, body: { code: 'refund_refused' } })
  expect((await refund(id, { amountCents: 1_000, reason: 'too late' }, key)).body.code).toBe('refund_refused')
  expect((await read(id)).body).toMatchObject({ status: 'captured', refundedCents: 0, refundPendingCents: 0 })
  expect((await refund(id, { amountCents: 445, reason: 'what is left there' })).status).toBe(201)
})

test.each([
  ['no key', { reason: 'x' }, null, 400, 'idempotency_key_missing'],
  ['amount 0', { amountCents: 0, reason: 'x' }, 'k', 400, 'validation_failed'],
  ['a fraction', { amountCents: 1.5, reason: 'x' }, 'k', 400, 'validation_failed'],
  ['no reason', { amountCents: 1 }, 'k', 400, 'validation_failed'],
  ['an unknown member', { amountCents: 1, reason: 'x', force: true }, 'k', 400, 'validation_failed'],
])('refuses a refund with %s', async (_name, body, key, status, code) => {
  const { id } = await capturedPayment(running)
  expect(await refund(id, body, key)).toMatchObject({ status, body: { code } })
})

test('money that was not captured cannot be refunded', async () => {
  const input = authorization('tok_visa')
  const { body } = await running.call('', input)
  expect(await refund(body.id, { reason: 'x' })).toMatchObject({
    status: 409,
    body: { code: 'payment_not_captured' },
  })
})

test('reconciliation matches when the books are right and names every difference when not', async () => {
  const own = await startPayment()
  const look = async (query = '') =>
    (await request('GET', `${own.url}/v1/payments/reconciliation${query}`, { token: own.tokenFor('ops') }))
      .body
  try {
    const captured = await capturedPayment(own)
    await own.call('', authorization('tok_visa'))
    await own.call('', authorization('tok_declined'))
    const voided = authorization('tok_visa')
    await own.call('', voided)
    await own.call(`/${voided.orderId}/void`)
    await own.call(`/${captured.orderId}/refunds`, { amountCents: 445, reason: 'x', idempotencyKey: 'k' })
    expect(await look()).toMatchObject({
      isComplete: true,
      payments: { count: 4, capturedCents: 5_445, refundedCents: 445 },
      ledger: { capturedCents: 5_445, refundedCents: 445 },
      provider: { count: 4, capturedCents: 5_445, refundedCents: 445 },
      mismatches: [],
    })

    await own.webhooks('off')
    const byHand = await capturedPayment(own)
    const intent = await own.intentOf(byHand.orderId)
    await own.stripe.refunds.create({ payment_intent: intent.id, amount: 100 })
    const unbooked = await capturedPayment(own)
    await own.rows(
      `with gone as (delete from ledger_entries where transaction_id in
         (select id from ledger_transactions where payment_id = $1)) select 1`,
      [unbooked.id],
    )
    const card = { type: 'card' as const, card: { token: 'tok_visa' } }
    const stray = await own.stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      capture_method: 'manual',
      confirm: true,
      payment_method_data: card,
    })
    const { mismatches } = await look()
    expect(mismatches).toHaveLength(3)
    expect(mismatches).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'refunded_differs', paymentId: byHand.id, ours: 0, theirs: 100 }),
        expect.objectContaining({ kind: 'ledger_differs', paymentId: unbooked.id }),
        expect.objectContaining({ kind: 'missing_here', providerIntentId: stray.id }),
      ]),
    )
    const yesterday = new Date(Date.now() - 24 * 3_600_000).toISOString()
    const before = new Date(Date.now() - 48 * 3_600_000).toISOString()
    expect((await look(`?from=${before}&to=${yesterday}`)).payments.count).toBe(0)
  } finally {
    await own.close()
  }
})

test('reconciliation refuses a range that is empty or too long', async () => {
  for (const query of [
    '?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    '?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z',
    '?to=0078-01-21T16:50:27Z',
  ]) {
    expect(await reconcile(query)).toMatchObject({ status: 400, body: { code: 'range_invalid' } })
  }
  expect((await reconcile('?from=yesterday')).status).toBe(400)
})

test('the probes and the document of the public calls are there', async () => {
  expect((await request('GET', `${running.url}/readyz`)).status).toBe(200)
  const { body } = await request('GET', `${running.url}/openapi.json`)
  expect(Object.keys(body.paths).toSorted()).toEqual([
    '/v1/payments/reconciliation',
    '/v1/payments/webhooks/{provider}',
    '/v1/payments/{id}',
    '/v1/payments/{id}/refunds',
  ])
})
