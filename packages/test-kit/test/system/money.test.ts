import { createHmac } from 'node:crypto'
import { buy, settled } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectPages, expectProblem, openApi } from './api-client.ts'
import { buyPlants, openHeavyShop, planDay } from './planned-day.ts'

const unknownId = '01900000-0000-7000-8000-00000000dead'
const WEBHOOK_SECRET = 'whsec_of_this_test_only'

let system: System
let api: Api
let shop: Awaited<ReturnType<typeof openHeavyShop>>
let ops: Caller
let customer: Caller
let delivered: { id: string; totalCents: number; payment: { id: string } }

beforeAll(async () => {
  system = await startSystem({
    env: {
      payment: { STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET },
      'payment-sandbox': { SANDBOX_WEBHOOK_SECRET: WEBHOOK_SECRET },
    },
  })
  api = await openApi(system.gatewayUrl)
  shop = await openHeavyShop(system, api)
  ops = api.as(shop.ops)
  customer = api.as(shop.customer)
  const [id] = await buyPlants(system, shop, 1)
  await planDay(api, shop)
  delivered = await deliver(id!)
})
afterAll(() => system?.close())

async function deliver(orderId: string) {
  const driver = api.as(await driverWithRoute())
  const { stops } = bodyOf(200, await driver.post('/v1/driver/route/start'))
  const proof = { kind: 'signature', name: 'Robin' }
  bodyOf(200, await driver.post(`/v1/driver/stops/${stops[0].id}/deliver`, { proof }))
  await waitFor(
    async () => {
      const order = bodyOf(200, await customer.get(`/v1/orders/${orderId}`))
      return order.status === 'delivered' && order.payment.status === 'captured'
    },
    { describe: 'the order is delivered and paid' },
  )
  await settled(system)
  return bodyOf(200, await customer.get(`/v1/orders/${orderId}`))
}

async function driverWithRoute() {
  const { status } = await api.as(shop.driver).get('/v1/driver/route')
  return status === 200 ? shop.driver : shop.secondDriver
}

test('a payment shows what happened to the money, and it is in the books', async () => {
  const payment = bodyOf(200, await ops.get(`/v1/payments/${delivered.payment.id}`))
  const { totalCents } = delivered
  expect(payment).toMatchObject({
    id: delivered.payment.id,
    orderId: delivered.id,
    status: 'captured',
    amountCents: totalCents,
    capturedCents: totalCents,
    refundedCents: 0,
    currency: 'USD',
  })
  expect(payment.ledger.length).toBeGreaterThan(1)
  const sum = payment.ledger.reduce((cents: number, entry: any) => cents + entry.amountCents, 0)
  expect(sum).toBe(0)
  expectProblem(await ops.get(`/v1/payments/${unknownId}`), 404, 'payment_not_found')
  expectProblem(await ops.get('/v1/payments/1'), 400, 'validation_failed')

  const books = bodyOf(200, await ops.get('/v1/payments/reconciliation'))
  expect(books).toMatchObject({
    isComplete: true,
    mismatches: [],
    ledger: { capturedCents: totalCents },
    provider: { capturedCents: totalCents },
  })
  const backwards = '?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'
  expectProblem(await ops.get(`/v1/payments/reconciliation${backwards}`), 400, 'range_invalid')
})

test('a refund is made once for each key, and never exceeds what was captured', async () => {
  const path = `/v1/payments/${delivered.payment.id}/refunds`
  const key = (name: string) => ({ 'idempotency-key': name })
  const body = { amountCents: 100, reason: 'A leaf was torn' }
  expectProblem(await ops.post(path, body), 400, 'idempotency_key_missing')
  const first = await ops.post(path, body, key('once'))
  expect(bodyOf(201, first)).toMatchObject({ paymentId: delivered.payment.id, status: 'succeeded', ...body })
  const again = await ops.post(path, body, key('once'))
  expect(again).toMatchObject({ status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } })
  expectProblem(
    await ops.post(path, { ...body, amountCents: 101 }, key('once')),
    422,
    'idempotency_key_reused',
  )
  const tooMuch = { ...body, amountCents: delivered.totalCents }
  expectProblem(await ops.post(path, tooMuch, key('twice')), 409, 'refund_exceeds_capture')
  for (const change of [{ amountCents: 0 }, { amountCents: '100' }, { reason: undefined }, { extra: 1 }]) {
    expectProblem(await ops.post(path, { ...body, ...change }, key('bad')), 400, 'validation_failed')
  }
  const elsewhere = `/v1/payments/${unknownId}/refunds`
  expectProblem(await ops.post(elsewhere, body, key('lost')), 404, 'payment_not_found')
  await settled(system)
  const payment = bodyOf(200, await ops.get(`/v1/payments/${delivered.payment.id}`))
  expect(payment).toMatchObject({ status: 'partially_refunded', refundedCents: 100 })
})

test('a claim follows a delivery, and ops decides on it once', async () => {
  const claims = `/v1/orders/${delivered.id}/claims`
  const items = [{ productId: shop.plant.id, quantity: 1 }]
  const body = { reason: 'The pot is broken', items, photos: ['https://photos.example/pot.jpg'] }
  const decisions = [
    [{ action: 'reject' }, 'rejected'],
    [{ action: 'refund', amountCents: 250 }, 'refunded'],
  ] as const
  for (const [decision, status] of decisions) {
    const claim = bodyOf(201, await customer.post(claims, body))
    expect(claim).toMatchObject({ id: expect.any(String), orderId: delivered.id, status: 'open', ...body })
    const resolve = (decided: object) => ops.post(`/v1/claims/${claim.id}/resolve`, decided)
    expectProblem(await resolve({ action: 'ignore' }), 400, 'validation_failed')
    const tooMuch = { action: 'refund', amountCents: delivered.totalCents + 1 }
    expectProblem(await resolve(tooMuch), 422, 'refund_exceeds_order')
    const resolved = bodyOf(200, await resolve(decision))
    expect(resolved).toMatchObject({ id: claim.id, status, resolvedAt: expect.any(String) })
    expectProblem(await resolve({ action: 'reject' }), 409, 'claim_already_resolved')
  }
  // The plant was made good, so it cannot be claimed again.
  expectProblem(await customer.post(claims, body), 409, 'plants_claimed_already')
  await expectPages(ops, '/v1/claims')
  const rejected = bodyOf(200, await ops.get('/v1/claims?status=rejected'))
  expect(rejected.items.map(({ status }: { status: string }) => status)).toEqual(['rejected'])

  const many = [{ productId: shop.plant.id, quantity: 2 }]
  expectProblem(await customer.post(claims, { ...body, items: many }), 422, 'claim_exceeds_order')
  for (const change of [{ items: [] }, { reason: '' }, { photos: 'pot.jpg' }, { extra: 1 }]) {
    expectProblem(await customer.post(claims, { ...body, ...change }), 400, 'validation_failed')
  }
  const { order } = bodyOf(201, await buy(system.gatewayUrl, shop.customer, shop.one()))
  expectProblem(await customer.post(`/v1/orders/${order.id}/claims`, body), 409, 'order_not_delivered')
  const nowhere = `/v1/claims/${unknownId}/resolve`
  expectProblem(await ops.post(nowhere, { action: 'reject' }), 404, 'claim_not_found')
})

test('orders have the names of the contract, are listed and belong to their customer', async () => {
  expect(delivered).toMatchObject({
    number: expect.stringMatching(/^UB-/),
    status: 'delivered',
    placedAt: expect.stringMatching(/Z$/),
    currency: 'USD',
    lines: [
      {
        productId: shop.plant.id,
        name: shop.plant.name,
        quantity: 1,
        unitPriceCents: expect.any(Number),
        totalCents: expect.any(Number),
      },
    ],
    deliveryWindow: { start: shop.window.start, end: shop.window.end },
    address: { recipient: expect.any(String) },
    payment: { id: expect.any(String), status: 'captured' },
    deliveredAt: expect.stringMatching(/Z$/),
  })
  await expectPages(customer, '/v1/orders')
  expectProblem(await customer.get(`/v1/orders/${unknownId}`), 404, 'order_not_found')
  const unpaid = `/v1/orders/${delivered.id}`
  expectProblem(
    await customer.post(`${unpaid}/payment-action`, { outcome: 'perhaps' }),
    400,
    'validation_failed',
  )
  expectProblem(await customer.post(`${unpaid}/cancel`, { extra: 1 }), 400, 'validation_failed')
  expectProblem(await customer.post(`${unpaid}/cancel`), 409, 'order_not_cancellable')
})

test('a webhook is believed only with a fresh signature over its very bytes', async () => {
  const event = JSON.stringify({
    id: `evt_${crypto.randomUUID()}`,
    object: 'event',
    type: 'customer.created',
    created: Math.floor(Date.now() / 1000),
    data: { object: { id: 'cus_1', object: 'customer' } },
  })
  const send = (body: string, headers: Record<string, string>, provider = 'stripe') =>
    request('POST', `${system.gatewayUrl}/v1/payments/webhooks/${provider}`, { body, headers })
  const sign = (body: string, ageSeconds = 0, secret = WEBHOOK_SECRET) => {
    const at = Math.floor(Date.now() / 1000) - ageSeconds
    const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
    return { 'stripe-signature': `t=${at},v1=${signature}` }
  }
  for (let time = 1; time <= 2; time += 1) {
    expect(await send(event, sign(event))).toMatchObject({ status: 200, body: { received: true } })
  }
  const refused = [
    await send(event, {}),
    await send(event, { 'stripe-signature': 'nonsense' }),
    await send(event, sign(event, 301)),
    await send(event, sign(event, 0, 'whsec_of_somebody_else')),
    await send(`${event} `, sign(event)),
    await send('{', sign('{"id"')),
  ]
  for (const answer of refused) expectProblem(answer, 400, 'webhook_signature_invalid')
  expectProblem(await send(event, sign(event), 'nobody'), 404, 'provider_unknown')
})
