import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorization, type Running, startPayment } from './start-payment.ts'

let running: Running
beforeAll(async () => {
  // No settling job: what happens here happens by the call itself or by the webhook.
  running = await startPayment({ environment: { SETTLE_INTERVAL_MS: '600000' } })
})
afterAll(() => running.close())

test('authorizes once and answers the same when it is asked again', async () => {
  const input = authorization('tok_visa')
  const first = await running.call('', input)
  expect(first).toMatchObject({
    status: 200,
    body: { orderId: input.orderId, status: 'authorized', amountCents: 5_445, currency: 'USD' },
  })
  expect((await running.call('', input)).body).toEqual(first.body)
  const intents = await running.intentsOf(input.orderId)
  expect(intents).toMatchObject([{ status: 'requires_capture', amount: 5_445, currency: 'usd' }])
  const [row] = await running.rows('select provider_token, due_at from payments where order_id = $1', [
    input.orderId,
  ])
  expect(row).toEqual({ provider_token: null, due_at: null })
})

test.each([
  ['tok_declined', 'generic_decline'],
  ['tok_insufficient_funds', 'insufficient_funds'],
  ['tok_of_nobody', 'resource_missing'],
])('%s is declined with %s, and stays declined', async (token, declineCode) => {
  const input = authorization(token)
  const first = await running.call('', input)
  expect(first).toMatchObject({ status: 200, body: { status: 'declined', declineCode } })
  expect((await running.call('', input)).body).toEqual(first.body)
  expect((await running.call(`/${input.orderId}/capture`)).body.code).toBe('payment_not_authorized')
})

test('a provider that fails on the first try is asked once more', async () => {
  const input = authorization('tok_flaky')
  expect((await running.call('', input)).body.status).toBe('authorized')
  expect(await running.intentsOf(input.orderId)).toHaveLength(1)
})

test.each([
  ['approve', 'authorized'],
  ['decline', 'declined'],
])('3-D Secure: %s makes it %s', async (outcome, status) => {
  const input = authorization('tok_3ds')
  const first = await running.call('', input)
  expect(first.body).toMatchObject({
    status: 'requires_action',
    nextAction: { type: 'use_stripe_sdk', clientSecret: expect.stringMatching(/^pi_.+_secret_/) },
  })
  const acted = await running.call(`/${input.orderId}/action`, { outcome })
  expect(acted).toMatchObject({ status: 200, body: { status } })
  expect(acted.body.nextAction).toBeUndefined()
  expect((await running.call(`/${input.orderId}/action`, { outcome })).body.status).toBe(status)
  const other = outcome === 'approve' ? 'decline' : 'approve'
  expect((await running.call(`/${input.orderId}/action`, { outcome: other })).status).toBe(409)
})

test('the 3-D Secure step is not there where the provider is not the sandbox', async () => {
  const production = await startPayment({ environment: { STRIPE_IS_SANDBOX: 'false' } })
  try {
    const answer = await production.call(`/${newId()}/action`, { outcome: 'approve' })
    expect(answer).toMatchObject({ status: 404, body: { code: 'sandbox_only' } })
  } finally {
    await production.close()
  }
})

test('a provider that never answers leaves the payment processing until its webhook tells', async () => {
  const input = authorization('tok_timeout')
  const first = await running.call('', input)
  expect(first).toMatchObject({ status: 200, body: { status: 'processing' } })
  await waitFor(
    () => running.told.some(({ data }) => data.orderId === input.orderId && data.status === 'authorized'),
    {
      describe: 'order is told of the authorization',
    },
  )
  expect((await running.call('', input)).body).toMatchObject({ id: first.body.id, status: 'authorized' })
  expect(await running.intentsOf(input.orderId)).toHaveLength(1)
})

test('fifty authorizations of one order side by side make one charge and get one answer', async () => {
  const input = authorization('tok_visa')
  const answers = await Promise.all(Array.from({ length: 50 }, () => running.call('', input)))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect(answers[0]?.body.status).toBe('authorized')
  expect(await running.intentsOf(input.orderId)).toHaveLength(1)
})

test('another amount for the same order, a split that does not sum, and a wrong token of ours are refused', async () => {
  const input = authorization('tok_visa')
  await running.call('', input)
  const split = { goodsCents: 100, deliveryCents: 0, taxCents: 0 }
  const other = await running.call('', { ...input, amountCents: 100, split })
  expect(other).toMatchObject({ status: 409, body: { code: 'payment_exists' } })
  const wrong = await running.call('', authorization('tok_visa', { split }))
  expect(wrong).toMatchObject({ status: 422, body: { code: 'split_mismatch' } })
  const stranger = await request('POST', `${running.url}/internal/payments`, { token: 'no', body: input })
  expect(stranger.status).toBe(401)
})

test('asking after a payment that was never tried is a 404', async () => {
  for (const verb of ['refresh', 'capture']) {
    expect(await running.call(`/${newId()}/${verb}`)).toMatchObject({
      status: 404,
      body: { code: 'payment_not_found' },
    })
  }
})
