import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetOldProviderEvents } from '../src/receive-webhook.ts'
import {
  authorization,
  capturedPayment,
  type Running,
  startPayment,
  WEBHOOK_SECRET,
} from './start-payment.ts'

let running: Running
beforeAll(async () => {
  running = await startPayment()
})
afterAll(() => running.close())

function post(payload: string, options: { secret?: string; timestamp?: number; body?: string } = {}) {
  const signature = running.stripe.webhooks.generateTestHeaderString({
    payload,
    secret: options.secret ?? WEBHOOK_SECRET,
    ...(options.timestamp !== undefined && { timestamp: options.timestamp }),
  })
  const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature }
  return request('POST', running.webhookUrl, { body: options.body ?? payload, headers })
}

function eventOf(type: string, object: object, id = `evt_${newId()}`) {
  return JSON.stringify({
    id,
    object: 'event',
    type,
    created: 1,
    api_version: '2026-10-28.endive',
    data: { object },
  })
}

const seconds = () => Math.floor(Date.now() / 1000)

test('takes a signed event of an unknown type, and records it once', async () => {
  const payload = eventOf('customer.created', { id: 'cus_1', object: 'customer' })
  expect(await post(payload)).toMatchObject({ status: 200, body: { received: true } })
  expect((await post(payload)).status).toBe(200)
  const metrics = await request('GET', `${running.url}/metrics`)
  expect(metrics.body).toMatch(/payment_webhooks_total\{.*result="repeated".*\} 1\n/)
  const { id } = JSON.parse(payload)
  expect(await running.rows('select type from provider_events where id = $1', [id])).toEqual([
    { type: 'customer.created' },
  ])
})

test('refuses a tampered body, another secret, an old signature and none at all', async () => {
  const payload = eventOf('customer.created', { id: 'cus_2', object: 'customer' })
  const refused = [
    await post(payload, { body: payload.replace('cus_2', 'cus_3') }),
    // Equal as JSON, and still another body.
    await post(payload, { body: JSON.stringify(JSON.parse(payload), null, 1) }),
    await post(payload, { secret: 'whsec_somebody_else' }),
    await post(payload, { timestamp: seconds() - 301 }),
    await request('POST', running.webhookUrl, {
      body: payload,
      headers: { 'content-type': 'application/json' },
    }),
  ]
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 400, body: { code: 'webhook_signature_invalid' } })
  }
  expect(await running.rows('select 1 from provider_events where id = $1', [JSON.parse(payload).id])).toEqual(
    [],
  )
  expect((await post(payload, { timestamp: seconds() - 290 })).status).toBe(200)
  const unknown = await request('POST', `${running.url}/v1/payments/webhooks/paypal`, { body: payload })
  expect(unknown).toMatchObject({ status: 404, body: { code: 'provider_unknown' } })
})

test('a signed body that is no event is refused, and one that concerns nobody is recorded', async () => {
  const id = newId()
  const ours = { id: 'pi_ours', status: 'succeeded', amount_received: 1, metadata: { payment_id: id } }
  const notEvents = [
    '{}',
    '[]',
    'null',
    'hello',
    '{"id":"evt_1"}',
    '{"id":7,"type":"x"}',
    eventOf('payment_intent.succeeded', { ...ours, amount_received: 'all' }),
    eventOf('payment_intent.succeeded', { metadata: ours.metadata }),
    eventOf('payment_intent.requires_action', { ...ours, next_action: 'none' }),
    eventOf('refund.updated', { metadata: { refund_id: id }, status: 4 }),
  ]
  for (const body of notEvents) {
    const answer = await post(body)
    expect(answer, body).toMatchObject({ status: 422, body: { code: 'webhook_not_an_event' } })
  }
  const ofOthers = [
    eventOf('payment_intent.succeeded', { id: 'pi_1', status: 'succeeded', amount_received: 1 }),
    eventOf('payment_intent.succeeded', { ...ours, metadata: null }),
    eventOf('payment_intent.succeeded', []),
    eventOf('refund.updated', { id: 're_1', metadata: 'none' }),
    JSON.stringify({ id: `evt_${newId()}`, type: 'payment_intent.succeeded', data: { object: null } }),
    JSON.stringify({ id: `evt_${newId()}`, type: 'v2.thin', object: 'v2.core.event' }),
    // No payment has this id.
    eventOf('payment_intent.succeeded', ours),
  ]
  for (const body of ofOthers) {
    expect(await post(body), body).toMatchObject({ status: 200, body: { received: true } })
    const recorded = await running.rows('select 1 from provider_events where id = $1', [JSON.parse(body).id])
    expect(recorded, body).toHaveLength(1)
  }
})

test('an event that a payment cannot follow is refused, and changes nothing', async () => {
  const input = authorization('tok_visa')
  const { body } = await running.call('', input)
  const intent = await running.intentOf(input.orderId)
  for (const amount of [0, 5_446]) {
    const event = eventOf('payment_intent.succeeded', {
      ...intent,
      status: 'succeeded',
      amount_received: amount,
    })
    expect(await post(event)).toMatchObject({ status: 409, body: { code: 'webhook_contradicts_payment' } })
    const id = [JSON.parse(event).id]
    expect(await running.rows('select 1 from provider_events where id = $1', id)).toEqual([])
  }
  const [row] = await running.rows('select status from payments where id = $1', [body.id])
  expect(row).toEqual({ status: 'authorized' })
})

test('a webhook before the answer, and every webhook twice, change nothing', async () => {
  for (const mode of ['before_answer', 'twice']) {
    await running.webhooks(mode)
    const input = authorization('tok_visa')
    expect((await running.call('', input)).body.status).toBe('authorized')
    expect((await running.call(`/${input.orderId}/capture`)).body.status).toBe('captured')
    const [payment] = await running.rows('select id, status from payments where order_id = $1', [
      input.orderId,
    ])
    expect(payment.status).toBe('captured')
    await waitFor(
      async () =>
        (
          await running.rows(
            `select 1 from provider_events where payment_id = $1 and type = 'payment_intent.succeeded'`,
            [payment.id],
          )
        ).length === 1,
      { describe: 'the webhook of the capture has come' },
    )
    const booked = await running.rows('select kind from ledger_transactions where payment_id = $1', [
      payment.id,
    ])
    expect(booked).toEqual([{ kind: 'capture' }])
  }
  await running.webhooks('normal')
})

test('an old event never undoes a newer state, in whatever order they come', async () => {
  const { id, orderId } = await capturedPayment(running)
  const intent = await running.intentOf(orderId)
  const older = { ...intent, amount_received: 0 }
  for (const [type, status] of [
    ['payment_intent.requires_action', 'requires_action'],
    ['payment_intent.amount_capturable_updated', 'requires_capture'],
    ['payment_intent.canceled', 'canceled'],
  ] as const) {
    expect((await post(eventOf(type, { ...older, status }))).status).toBe(200)
  }
  const [row] = await running.rows('select status, captured_cents::int from payments where id = $1', [id])
  expect(row).toEqual({ status: 'captured', captured_cents: 5_445 })
})

test('a capture that only the webhook tells is booked, and its split adds up', async () => {
  const input = authorization('tok_3ds')
  const { body } = await running.call('', input)
  const intent = await running.intentOf(input.orderId)
  const captured = { ...intent, status: 'succeeded', amount_received: 5_445 }
  await Promise.all(Array.from({ length: 5 }, () => post(eventOf('payment_intent.succeeded', captured))))
  const entries = await running.rows(
    `select e.amount_cents::int as cents from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
     where t.payment_id = $1`,
    [body.id],
  )
  expect(entries.map(({ cents }) => cents).toSorted((a, b) => a - b)).toEqual([-4_500, -500, -445, 5_445])
})

test('a refund that only the webhook tells is applied once', async () => {
  const { id, orderId } = await capturedPayment(running)
  const intent = await running.intentOf(orderId)
  const refundId = newId()
  await running.rows(
    `with reserved as (update payments set refund_pending_cents = 445 where id = $2)
     insert into refunds (id, payment_id, amount_cents, reason, idempotency_key, request_fingerprint, status)
     values ($1, $2, 445, 'broken pot', 'k', 'x', 'pending')`,
    [refundId, id],
  )
  const refund = {
    id: `re_${refundId}`,
    object: 'refund',
    status: 'succeeded',
    amount: 445,
    payment_intent: intent?.id,
  }
  const events = Array.from({ length: 3 }, () =>
    eventOf('refund.updated', { ...refund, metadata: { refund_id: refundId } }),
  )
  await Promise.all(events.map((event) => post(event)))
  const [row] = await running.rows('select status, refunded_cents::int from payments where id = $1', [id])
  expect(row).toEqual({ status: 'partially_refunded', refunded_cents: 445 })
})

test('events are forgotten after 90 days and not before', async () => {
  for (const [id, days] of [
    ['evt_old', 91],
    ['evt_young', 89],
  ]) {
    await running.rows(
      `insert into provider_events (provider, id, type, received_at) values ('stripe', $1, 'x', now() - make_interval(days => $2))`,
      [id, days],
    )
  }
  // More than one batch of them.
  await running.rows(
    `insert into provider_events (provider, id, type, received_at)
     select 'stripe', 'evt_old_' || n, 'x', now() - interval '91 days' from generate_series(1, 5001) n`,
    [],
  )
  await forgetOldProviderEvents(running.service.ctx.db)
  expect(await running.rows(`select id from provider_events where type = 'x'`)).toEqual([{ id: 'evt_young' }])
})
