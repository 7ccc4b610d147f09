import { audit, inspect } from '@urbanbloom/test-kit/audit'
import { buy, chargesOf, openShop, paidWith, readOrder, settled } from '@urbanbloom/test-kit/buyers'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { registerCustomer } from '@urbanbloom/test-kit/people'
import { checkoutBody, createHub, createProduct, nearbyAddress } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

let system: System
let shop: Awaited<ReturnType<typeof openShop>>

beforeAll(async () => {
  system = await startSystem()
  shop = await openShop(system)
})
afterAll(() => system?.close())
afterEach(() => settled(system))

const url = (path: string) => `${system.gatewayUrl}${path}`
const available = async (id: string) => {
  const [row] = await inspect<{ available: number }>(
    system.database.adminUrl,
    'select on_hand - reserved as available from inventory.stock_levels where product_id = $1',
    [id],
  )
  return row?.available
}

test('a customer buys, and the order, the stock and the money agree', async () => {
  const quantity = 2
  const before = (await available(shop.plant.id)) ?? 0
  const items = [{ productId: shop.plant.id, quantity }]
  const { deliveryWindow } = shop.one()
  const quote = await requestExpecting(200, 'POST', url('/v1/quotes'), {
    body: { items, address: nearbyAddress, deliveryWindow },
  })
  const body = checkoutBody(items, shop.window, {
    expectedTotalCents: quote.totalCents,
    giftMessage: 'Grow well',
  })
  const answer = await buy(system.gatewayUrl, shop.customer, body)

  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  const { order } = answer.body
  expect(order).toMatchObject({
    status: 'confirmed',
    currency: 'USD',
    lines: [{ productId: shop.plant.id, quantity, unitPriceCents: 3_500, totalCents: 7_000 }],
    subtotalCents: 7_000,
    totalCents: quote.totalCents,
    deliveryWindow: { start: shop.window.start, end: shop.window.end },
    address: nearbyAddress,
    giftMessage: 'Grow well',
    payment: { status: 'authorized' },
  })
  expect(order.number).toMatch(/^UB-\d{6,}$/)
  expect(order.totalCents).toBe(order.subtotalCents + order.deliveryFeeCents + order.taxCents)
  expect(await available(shop.plant.id)).toBe(before - quantity)
  expect((await readOrder(system.gatewayUrl, shop.customer, order.id)).body).toEqual(order)
  expect(await chargesOf(system, order.id)).toMatchObject([
    { status: 'requires_capture', amount: order.totalCents },
  ])
})

test('orders are listed newest first in pages, and only to their customer', async () => {
  const customer = await registerCustomer(system)
  const ids: string[] = []
  for (let count = 0; count < 3; count += 1) {
    ids.unshift((await buy(system.gatewayUrl, customer, shop.one())).body.order.id)
  }
  const first = await requestExpecting(200, 'GET', url('/v1/orders?limit=2'), { token: customer.token })
  const second = await requestExpecting(200, 'GET', url(`/v1/orders?limit=2&cursor=${first.nextCursor}`), {
    token: customer.token,
  })
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids)
  expect(second.nextCursor).toBeNull()

  const stranger = await registerCustomer(system)
  expect(await readOrder(system.gatewayUrl, stranger, ids[0]!)).toMatchObject({
    status: 404,
    body: { code: 'order_not_found' },
  })
  const cancelling = await request('POST', url(`/v1/orders/${ids[0]}/cancel`), { token: stranger.token })
  expect(cancelling).toMatchObject({ status: 404, body: { code: 'order_not_found' } })
})

test.each(['tok_declined', 'tok_insufficient_funds'])(
  '%s is 402, and everything is given back',
  async (token) => {
    const before = await available(shop.plant.id)
    const answer = await buy(system.gatewayUrl, shop.customer, shop.one(paidWith(token)))
    expect(answer).toMatchObject({ status: 402, body: { code: 'payment_declined' } })
    expect(answer.headers['content-type']).toContain('application/problem+json')
    await settled(system)
    expect(await available(shop.plant.id)).toBe(before)
  },
)

test('tok_flaky is approved at the second try of ours, and charged once', async () => {
  const answer = await buy(system.gatewayUrl, shop.customer, shop.one(paidWith('tok_flaky')))
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  expect(await chargesOf(system, answer.body.order.id)).toHaveLength(1)
})

test.each([
  ['approve', 'confirmed', 'authorized'],
  ['decline', 'rejected', undefined],
])('tok_3ds is 202; when the customer %ss, the order is %s', async (outcome, status, payment) => {
  const answer = await buy(system.gatewayUrl, shop.customer, shop.one(paidWith('tok_3ds')))
  expect(answer).toMatchObject({ status: 202, body: { order: { status: 'payment_action_required' } } })
  expect(answer.body.nextAction).toBeTruthy()
  const { id } = answer.body.order
  const acted = await request('POST', url(`/v1/orders/${id}/payment-action`), {
    token: shop.customer.token,
    body: { outcome },
  })
  expect(acted, JSON.stringify(acted.body)).toMatchObject({ status: 200, body: { order: { id, status } } })
  if (payment !== undefined) expect(acted.body.order.payment.status).toBe(payment)
  else expect(acted.body.order.rejection.code).toBe('payment_declined')
})

test('cancelling gives back stock, window and money, and twice is like once', async () => {
  const before = await available(shop.plant.id)
  const { order } = (await buy(system.gatewayUrl, shop.customer, shop.one())).body
  for (let time = 1; time <= 2; time += 1) {
    const answer = await request('POST', url(`/v1/orders/${order.id}/cancel`), { token: shop.customer.token })
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect(answer.body.cancelledAt).toBeTruthy()
  }
  expect(await available(shop.plant.id)).toBe(before)
  expect(await chargesOf(system, order.id)).toMatchObject([{ status: 'canceled' }])
})

test('ten cancellations at once are answered like one, with the money given back', async () => {
  const { order } = (await buy(system.gatewayUrl, shop.customer, shop.one())).body
  const cancel = () => request('POST', url(`/v1/orders/${order.id}/cancel`), { token: shop.customer.token })
  const answers = await Promise.all(Array.from({ length: 10 }, cancel))
  for (const { status, body } of answers) {
    expect({ status, order: body.status, payment: body.payment?.status }).toEqual({
      status: 200,
      order: 'cancelled',
      payment: 'voided',
    })
  }
})

test('a product is known by its id in upper case, too, and not twice on one order', async () => {
  const upper = shop.plant.id.toUpperCase()
  const line = { productId: upper, quantity: 1 }
  expect((await buy(system.gatewayUrl, shop.customer, shop.one({ items: [line] }))).status).toBe(201)
  const twice = await buy(
    system.gatewayUrl,
    shop.customer,
    shop.one({ items: [line, { productId: shop.plant.id, quantity: 1 }] }),
  )
  expect(twice).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
})

test('an order that waits for the bank can be cancelled', async () => {
  const { order } = (await buy(system.gatewayUrl, shop.customer, shop.one(paidWith('tok_3ds')))).body
  const answer = await request('POST', url(`/v1/orders/${order.id}/cancel`), { token: shop.customer.token })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
})

test('out of stock is 409 that says which product and how many are left', async () => {
  const scarce = await createProduct(system, shop.ops, { initialQuantity: 2 })
  const body = checkoutBody(
    [
      { productId: shop.plant.id, quantity: 1 },
      { productId: scarce.id, quantity: 3 },
    ],
    shop.window,
  )
  const before = await available(shop.plant.id)
  expect(await buy(system.gatewayUrl, shop.customer, body)).toMatchObject({
    status: 409,
    body: { code: 'out_of_stock', productId: scarce.id, availableQuantity: 2 },
  })
  await settled(system)
  expect(await available(shop.plant.id)).toBe(before)
})

test('a full window is 409, and one more customer is never squeezed in', async () => {
  const place = { latitude: 35.1, longitude: -85.3 }
  await createHub(system, shop.ops, { ...place, name: 'Chattanooga', windowCapacity: 3 })
  const windows = await requestExpecting(
    200,
    'GET',
    url(`/v1/delivery-windows?latitude=${place.latitude}&longitude=${place.longitude}`),
  )
  const window = windows.items.findLast((candidate: { available: boolean }) => candidate.available)
  const body = checkoutBody([{ productId: shop.plant.id, quantity: 1 }], window, {
    address: { ...nearbyAddress, ...place },
  })
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => buy(system.gatewayUrl, shop.customer, body)),
  )
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual([
    '201',
    '201',
    '201',
    '409',
    '409',
    '409',
  ])
  for (const { status, body: problem } of answers)
    if (status === 409) expect(problem.code).toBe('window_unavailable')
})

test('bad requests are a clear 4xx; nothing is reserved and nothing charged', async () => {
  const one = shop.one()
  const withQuantity = (quantity: unknown) => ({ ...one, items: [{ productId: shop.plant.id, quantity }] })
  const withdrawn = await createProduct(system, shop.ops)
  await requestExpecting(200, 'PATCH', url(`/v1/products/${withdrawn.id}`), {
    token: shop.ops.token,
    body: { withdrawn: true },
  })
  const unknownId = crypto.randomUUID()
  const later = (iso: string) => new Date(Date.parse(iso) + 17 * 60_000).toISOString()

  const cases: [string, unknown, number, string][] = [
    ['quantity 0', withQuantity(0), 400, 'validation_failed'],
    ['quantity -1', withQuantity(-1), 400, 'validation_failed'],
    ['quantity 1.5', withQuantity(1.5), 400, 'validation_failed'],
    ['quantity 10^9', withQuantity(1e9), 400, 'validation_failed'],
    ['quantity as text', withQuantity('1'), 400, 'validation_failed'],
    ['no lines', { ...one, items: [] }, 400, 'validation_failed'],
    ['a product twice', { ...one, items: [...one.items, ...one.items] }, 400, 'validation_failed'],
    ['an unknown field', { ...one, coupon: 'FREE' }, 400, 'validation_failed'],
    ['no address', { ...one, address: undefined }, 400, 'validation_failed'],
    ['a latitude of 91', { ...one, address: { ...nearbyAddress, latitude: 91 } }, 400, 'validation_failed'],
    [
      'U+0000 in a text',
      JSON.stringify({ ...one, address: { ...nearbyAddress, recipient: 'a\u0000b' } }),
      400,
      'text_not_storable',
    ],
    [
      'half a character',
      JSON.stringify({ ...one, giftMessage: 'a' }).replace('"a"', String.raw`"\ud800"`),
      400,
      'text_not_storable',
    ],
    ['no JSON', '{"items":', 400, 'invalid_json'],
    [
      'an unknown product',
      { ...one, items: [{ productId: unknownId, quantity: 1 }] },
      422,
      'product_unavailable',
    ],
    [
      'a withdrawn product',
      { ...one, items: [{ productId: withdrawn.id, quantity: 1 }] },
      422,
      'product_unavailable',
    ],
    [
      'far away',
      { ...one, address: { ...nearbyAddress, latitude: 40.7, longitude: -74 } },
      422,
      'outside_delivery_area',
    ],
    [
      'no such window',
      { ...one, deliveryWindow: { start: later(shop.window.start), end: later(shop.window.end) } },
      409,
      'window_unavailable',
    ],
    [
      'a window of last year',
      { ...one, deliveryWindow: { start: '2025-06-01T12:00:00Z', end: '2025-06-01T14:00:00Z' } },
      409,
      'window_unavailable',
    ],
    ['another price', { ...one, expectedTotalCents: 1 }, 409, 'price_changed'],
  ]
  const countRows = async () =>
    inspect(
      system.database.adminUrl,
      `select (select count(*) from orders.orders) as orders, (select count(*) from payments.payments) as payments,
         (select count(*) from inventory.reservations) as reservations, (select count(*) from delivery.deliveries) as deliveries`,
    )
  const before = await countRows()
  for (const [what, body, status, code] of cases) {
    const answer = await buy(system.gatewayUrl, shop.customer, body)
    expect({ what, status: answer.status, code: answer.body.code }).toEqual({ what, status, code })
    expect(answer.body.requestId, what).toBe(answer.headers['x-request-id'])
    if (code === 'validation_failed') expect(answer.body.errors.length, what).toBeGreaterThan(0)
  }
  expect(await countRows()).toEqual(before)
})

test('a checkout needs a customer and a key', async () => {
  const body = shop.one()
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const post = (options: object) => request('POST', url('/v1/checkout'), { body, ...options })
  expect(await post({ headers })).toMatchObject({ status: 401, body: { code: 'access_token_required' } })
  expect(await post({ headers, token: 'nonsense' })).toMatchObject({
    status: 401,
    body: { code: 'access_token_invalid' },
  })
  expect(await post({ headers, token: shop.ops.token })).toMatchObject({
    status: 403,
    body: { code: 'role_required' },
  })
  expect(await post({ token: shop.customer.token })).toMatchObject({
    status: 400,
    body: { code: 'idempotency_key_missing' },
  })
})

test('a price that changes between quote and checkout is 409 with the new total', async () => {
  const plant = await createProduct(system, shop.ops)
  const items = [{ productId: plant.id, quantity: 1 }]
  const { deliveryWindow } = shop.one()
  const quote = await requestExpecting(200, 'POST', url('/v1/quotes'), {
    body: { items, address: nearbyAddress, deliveryWindow },
  })
  await requestExpecting(200, 'PATCH', url(`/v1/products/${plant.id}`), {
    token: shop.ops.token,
    body: { priceCents: plant.priceCents + 100 },
  })
  const body = checkoutBody(items, shop.window, { expectedTotalCents: quote.totalCents })
  const answer = await buy(system.gatewayUrl, shop.customer, body)
  expect(answer).toMatchObject({ status: 409, body: { code: 'price_changed' } })
  expect(answer.body.totalCents).toBeGreaterThan(quote.totalCents)
  await settled(system)
  expect(await audit(system.database.adminUrl)).toEqual([])
})
