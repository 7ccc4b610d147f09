import { inspect } from '@urbanbloom/test-kit/audit'
import { openShop, paidWith, settled } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import { createProduct, nearbyAddress } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectPages, expectProblem, openApi } from './api-client.ts'

const unknownId = '01900000-0000-7000-8000-00000000dead'

let system: System
let shop: Awaited<ReturnType<typeof openShop>>
let api: Api
let ops: Caller
let nobody: Caller

beforeAll(async () => {
  system = await startSystem()
  shop = await openShop(system)
  api = await openApi(system.gatewayUrl)
  ops = api.as(shop.ops)
  nobody = api.as()
})
afterAll(() => system?.close())

const fern = {
  name: 'Boston Fern',
  botanicalName: 'Nephrolepis exaltata',
  category: 'test_ferns',
  light: 'low',
  petSafe: true,
  priceCents: 1_800,
}

test('products are added, shown, changed, withdrawn and brought back', async () => {
  const careNotes = 'Mist it.'
  const product = await createProduct(system, shop.ops, { ...fern, careNotes, initialQuantity: 3 })
  const path = `/v1/products/${product.id}`
  const shown = await nobody.get(path)
  expect(bodyOf(200, shown)).toMatchObject({
    ...fern,
    id: product.id,
    sku: product.sku,
    water: expect.any(String),
    currency: 'USD',
    inStock: true,
    availableQuantity: 3,
    careNotes,
    updatedAt: expect.stringMatching(/Z$/),
  })
  const etag = { 'if-none-match': shown.headers.etag! }
  expect(await nobody.get(path, etag)).toMatchObject({
    status: 304,
    body: '',
    headers: { etag: shown.headers.etag },
  })
  bodyOf(200, await ops.patch(path, { priceCents: 1_900 }))
  expect(bodyOf(200, await nobody.get(path, etag))).toMatchObject({ priceCents: 1_900 })

  bodyOf(200, await ops.patch(path, { withdrawn: true }))
  expectProblem(await nobody.get(path), 404, 'product_not_found')
  bodyOf(200, await ops.patch(path, { withdrawn: false }))
  bodyOf(200, await nobody.get(path))
  for (const body of [{}, { priceCents: '1900' }, { priceCents: 0 }, { colour: 'green' }, { sku: 'NEW' }]) {
    expectProblem(await ops.patch(path, body), 400, 'validation_failed')
  }
  expectProblem(await ops.patch(`/v1/products/${unknownId}`, { name: 'x' }), 404, 'product_not_found')
  expectProblem(await nobody.get(`/v1/products/${unknownId}`), 404, 'product_not_found')
  expectProblem(await nobody.get('/v1/products/1'), 400, 'validation_failed')

  const {
    id: _id,
    inStock: _stock,
    availableQuantity: _quantity,
    updatedAt: _at,
    ...given
  } = bodyOf(200, await nobody.get(path))
  expectProblem(await ops.post('/v1/products', given), 409, 'sku_taken')
  for (const change of [{ priceCents: 1.5 }, { weightGrams: -1 }, { petSafe: 'yes' }, { extra: 1 }]) {
    const body = { ...given, sku: 'ANOTHER', ...change }
    expectProblem(await ops.post('/v1/products', body), 400, 'validation_failed')
  }
})

test('products are filtered, searched, sorted and paged', async () => {
  const category = 'test_palms'
  const add = (changes: object) => createProduct(system, shop.ops, { ...fern, category, ...changes })
  const kentia = await add({ name: 'Kentia Palm', priceCents: 9_000, light: 'medium', petSafe: true })
  const areca = await add({ name: 'Areca Palm', priceCents: 4_000, initialQuantity: 0 })
  const sago = await add({ name: 'Sago Cycad', priceCents: 6_000, petSafe: false })
  const list = async (query: string) => {
    const { items } = bodyOf(200, await nobody.get(`/v1/products?category=${category}${query}`))
    return items.map(({ id }: { id: string }) => id)
  }
  expect(await list('')).toEqual([areca.id, kentia.id, sago.id])
  expect(await list('&sort=name')).toEqual([areca.id, kentia.id, sago.id])
  expect(await list('&sort=price')).toEqual([areca.id, sago.id, kentia.id])
  expect(await list('&sort=-price')).toEqual([kentia.id, sago.id, areca.id])
  expect(await list('&sort=newest')).toEqual([sago.id, areca.id, kentia.id])
  expect(await list('&light=medium')).toEqual([kentia.id])
  expect(await list('&petSafe=false')).toEqual([sago.id])
  expect(await list('&inStock=false')).toEqual([areca.id])
  expect(await list('&inStock=true')).toEqual([kentia.id, sago.id])
  expect(await list('&search=kentya')).toEqual([kentia.id])
  expect(await list('&light=nowhere')).toEqual([])
  for (const sort of ['name', 'price', '-price', 'newest']) {
    await expectPages(nobody, `/v1/products?category=${category}&sort=${sort}`)
  }
  await expectPages(nobody, '/v1/products?search=palm')
  for (const query of ['sort=colour', 'petSafe=perhaps', 'inStock=1', 'search=', 'colour=green']) {
    expectProblem(await nobody.get(`/v1/products?${query}`), 400, 'validation_failed')
  }
})

test('stock is adjusted with a reason, never below what is reserved, and once for each key', async () => {
  const product = await createProduct(system, shop.ops, { initialQuantity: 1 })
  const path = `/v1/products/${product.id}/stock-adjustments`
  const adjust = (body: object, headers = {}) => ops.post(path, body, headers)
  const key = { 'idempotency-key': crypto.randomUUID() }
  const delivery = { delta: 5, reason: 'delivery' }
  const first = await adjust(delivery, key)
  expect(bodyOf(201, first)).toMatchObject({ productId: product.id, ...delivery, availableQuantity: 6 })
  const again = await adjust(delivery, key)
  expect(again).toMatchObject({ status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } })
  expectProblem(await adjust({ ...delivery, delta: 6 }, key), 422, 'idempotency_key_reused')
  bodyOf(201, await adjust({ delta: -2, reason: 'broken' }))
  expectProblem(await adjust({ delta: -5, reason: 'broken' }), 409, 'stock_below_reserved')
  await waitFor(async () => (await nobody.get(`/v1/products/${product.id}`)).body.availableQuantity === 4, {
    describe: 'the product shows its stock',
  })
  for (const body of [
    { delta: 0, reason: 'x' },
    { delta: 1 },
    { delta: 1.5, reason: 'x' },
    { delta: '1', reason: 'x' },
  ]) {
    expectProblem(await adjust(body), 400, 'validation_failed')
  }
  const elsewhere = `/v1/products/${unknownId}/stock-adjustments`
  expectProblem(await ops.post(elsewhere, delivery), 404, 'product_not_found')
})

test('delivery windows are offered near a hub and nowhere else', async () => {
  const { latitude, longitude } = nearbyAddress
  const near = `latitude=${latitude}&longitude=${longitude}`
  const { items } = bodyOf(200, await nobody.get(`/v1/delivery-windows?${near}`))
  expect(items.length).toBeGreaterThan(0)
  for (const window of items) {
    expect(window).toMatchObject({
      start: expect.stringMatching(/Z$/),
      end: expect.stringMatching(/Z$/),
      available: expect.any(Boolean),
      feeCents: expect.any(Number),
    })
  }
  const tomorrow = bodyOf(
    200,
    await nobody.get(`/v1/delivery-windows?${near}&date=${shop.window.start.slice(0, 10)}`),
  )
  expect(tomorrow.items.map(({ start }: { start: string }) => start)).toContain(shop.window.start)
  const farAway = await nobody.get('/v1/delivery-windows?latitude=40.7&longitude=-74')
  expectProblem(farAway, 422, 'outside_delivery_area')
  for (const query of [
    '',
    'latitude=33.7',
    'latitude=91&longitude=0',
    'latitude=&longitude=',
    `${near}&date=tomorrow`,
  ]) {
    expectProblem(await nobody.get(`/v1/delivery-windows?${query}`), 400, 'validation_failed')
  }
})

test('a basket is priced, and what cannot be sold is refused', async () => {
  const basket = { items: [{ productId: shop.plant.id, quantity: 2 }], address: nearbyAddress }
  const { start, end } = shop.window
  const quote = bodyOf(200, await nobody.post('/v1/quotes', { ...basket, deliveryWindow: { start, end } }))
  expect(quote).toMatchObject({
    currency: 'USD',
    lines: [
      {
        productId: shop.plant.id,
        name: shop.plant.name,
        quantity: 2,
        unitPriceCents: 3_500,
        totalCents: 7_000,
      },
    ],
    subtotalCents: 7_000,
    deliveryFeeCents: shop.window.feeCents,
  })
  expect(quote.totalCents).toBe(quote.subtotalCents + quote.deliveryFeeCents + quote.taxCents)
  bodyOf(200, await nobody.post('/v1/quotes', basket))

  const refusals: [object, number, string][] = [
    [{ items: [{ productId: unknownId, quantity: 1 }] }, 422, 'product_unavailable'],
    [{ address: { ...nearbyAddress, latitude: 10 } }, 422, 'outside_delivery_area'],
    [
      { deliveryWindow: { start: '2025-06-01T12:00:00Z', end: '2025-06-01T14:00:00Z' } },
      409,
      'window_unavailable',
    ],
    [{ items: [] }, 400, 'validation_failed'],
    [{ items: [{ productId: shop.plant.id, quantity: 0 }] }, 400, 'validation_failed'],
    [{ items: [...basket.items, ...basket.items] }, 400, 'validation_failed'],
    [{ coupon: 'FREE' }, 400, 'validation_failed'],
  ]
  for (const [change, status, code] of refusals) {
    expectProblem(await nobody.post('/v1/quotes', { ...basket, ...change }), status, code)
  }
})

test('each outcome of a checkout is one that the document knows', async () => {
  const customer = api.as(shop.customer)
  const checkout = (changes: object, key: string = crypto.randomUUID()) =>
    customer.post('/v1/checkout', shop.one({ ...changes }), { 'idempotency-key': key })
  const key = crypto.randomUUID()
  const { order } = bodyOf(201, await checkout({}, key))
  expect(order).toMatchObject({ status: 'confirmed', payment: { status: 'authorized' } })
  expect(await checkout({}, key)).toMatchObject({
    status: 201,
    body: { order },
    headers: { 'idempotency-replayed': 'true' },
  })
  expectProblem(await checkout({ giftMessage: 'Hello' }, key), 422, 'idempotency_key_reused')
  expectProblem(await customer.post('/v1/checkout', shop.one()), 400, 'idempotency_key_missing')
  expectProblem(await checkout({}, 'with spaces'), 400, 'idempotency_key_invalid')

  const waiting = bodyOf(202, await checkout(paidWith('tok_3ds')))
  expect(waiting).toMatchObject({
    order: { status: 'payment_action_required' },
    nextAction: expect.anything(),
  })
  const action = `/v1/orders/${waiting.order.id}/payment-action`
  const approved = bodyOf(200, await customer.post(action, { outcome: 'approve' }))
  expect(approved.order.status).toBe('confirmed')
  expect(bodyOf(200, await customer.post(`/v1/orders/${order.id}/cancel`)).status).toBe('cancelled')

  expectProblem(await checkout(paidWith('tok_declined')), 402, 'payment_declined')
  expectProblem(await checkout({ expectedTotalCents: 1 }), 409, 'price_changed')
  const last = await createProduct(system, shop.ops, { initialQuantity: 1 })
  const tooMany = await checkout({ items: [{ productId: last.id, quantity: 2 }] })
  expectProblem(tooMany, 409, 'out_of_stock')
  expect(tooMany.body).toMatchObject({ productId: last.id, availableQuantity: 1 })
  await settled(system)
})

test('while the first request with a key is at work, another one waits and is then told so', async () => {
  const body = shop.one(paidWith('tok_timeout'))
  const post = (base: string, headers: Record<string, string>) =>
    request('POST', `${base}/v1/checkout`, { token: shop.customer.token, body, headers })
  const id = crypto.randomUUID()
  const key = { 'idempotency-key': id }
  const first = post(system.gatewayUrl, key)
  const { adminUrl } = system.database
  await waitFor(
    async () =>
      (await inspect(adminUrl, 'select from orders.idempotency_keys where key = $1', [id])).length > 0,
    { describe: 'the first request is at work' },
  )
  // Straight to the service, with a deadline that ends before the payment provider is given up.
  const busy = await post(system.urlOf('order'), { ...key, 'x-request-timeout-ms': '600' })
  expectProblem(busy, 409, 'idempotency_in_progress')
  expect(Number(busy.headers['retry-after'])).toBeGreaterThan(0)
  const answered = await first
  expect(answered.status).toBe(202)
  const again = await post(system.gatewayUrl, key)
  expect(again).toMatchObject({
    status: 202,
    body: answered.body,
    headers: { 'idempotency-replayed': 'true' },
  })
  await settled(system)
})
