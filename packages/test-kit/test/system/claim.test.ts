import { dayAt } from '@urbanbloom/local/hub-time'
import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { inspect } from '@urbanbloom/test-kit/audit'
import { buy, settled } from '@urbanbloom/test-kit/buyers'
import { checkoutBody } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, openApi } from './api-client.ts'
import { openHeavyShop, planDay } from './planned-day.ts'

const DAY_MS = 86_400_000
let system: System
let api: Api
let shop: Awaited<ReturnType<typeof openHeavyShop>>
let customer: Caller
let ops: Caller

beforeAll(async () => {
  system = await startSystem()
  api = await openApi(system.gatewayUrl)
  shop = await openHeavyShop(system, api)
  customer = api.as(shop.customer)
  ops = api.as(shop.ops)
  // The vans work on the day after, too.
  const later = (moment: string) => new Date(Date.parse(moment) + DAY_MS).toISOString()
  const { items } = bodyOf(200, await ops.get('/v1/shifts'))
  const last = items.filter(({ start }: { start: string }) => start === shop.shift.start)
  for (const { driverId, vehicleId, hubId, start, end } of last) {
    const shift = { driverId, vehicleId, hubId, start: later(start), end: later(end) }
    bodyOf(201, await ops.post('/v1/shifts', shift))
  }
})
afterAll(() => system?.close())

const orderOf = async (id: string) => bodyOf(200, await customer.get(`/v1/orders/${id}`))
const claimsOf = async (id: string) => bodyOf(200, await customer.get(`/v1/orders/${id}/claims`)).items
const becomes = (id: string, status: string) =>
  waitFor(async () => (await orderOf(id)).status === status, { describe: `the order is ${status}` })
const onHand = async (): Promise<number> => {
  const [row] = await inspect<{ on_hand: number }>(
    system.database.adminUrl,
    'select on_hand from inventory.stock_levels where product_id = $1',
    [shop.plant.id],
  )
  return row?.on_hand ?? Number.NaN
}

/** The day of an order's window by the hub's clocks. */
const dayOf = (order: { deliveryWindow: { start: string } }) =>
  dayAt(new Date(order.deliveryWindow.start), inmanPark.timeZone, 0)

async function buyPlants(quantity: number): Promise<string> {
  const body = checkoutBody([{ productId: shop.plant.id, quantity }], shop.window)
  const { order } = bodyOf(201, await buy(system.gatewayUrl, shop.customer, body))
  await settled(system)
  return order.id
}

/** Plans a day and takes the order out: whoever has it on the route, and its stop. */
async function takeOut(orderId: string, date: string) {
  await planDay(api, { ...shop, date })
  for (const person of [shop.driver, shop.secondDriver]) {
    const driver = api.as(person)
    const { status, body } = await driver.get('/v1/driver/route')
    const stop = status === 200 && body.stops.find((each: { orderId: string }) => each.orderId === orderId)
    if (!stop) continue
    bodyOf(200, await driver.post('/v1/driver/route/start'))
    return { driver, stop: `/v1/driver/stops/${stop.id}` }
  }
  throw new Error(`No driver has the order ${orderId}`)
}

const proof = { kind: 'signature', name: 'Robin' }

test('a broken plant: photo, decision, and another plant that is planned and driven like any order', async () => {
  const before = await onHand()
  const orderId = await buyPlants(1)
  const first = await takeOut(orderId, shop.date)
  bodyOf(200, await first.driver.post(`${first.stop}/deliver`, { proof }))
  await becomes(orderId, 'delivered')

  const items = [{ productId: shop.plant.id, quantity: 1 }]
  const claimed = await customer.post(`/v1/orders/${orderId}/claims`, { reason: 'The stem is broken', items })
  const claimId: string = bodyOf(201, claimed).id
  const photo = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])
  const sent = await fetch(`${system.gatewayUrl}/v1/orders/${orderId}/claims/${claimId}/photos`, {
    method: 'POST',
    headers: { authorization: `Bearer ${shop.customer.token}`, 'content-type': 'image/jpeg' },
    body: new Uint8Array(photo),
  })
  const { id: photoId } = (await sent.json()) as { id: string }
  const seen = await fetch(`${system.gatewayUrl}/v1/claims/${claimId}/photos/${photoId}`, {
    headers: { authorization: `Bearer ${shop.ops.token}` },
  })
  expect(Buffer.from(await seen.arrayBuffer())).toEqual(photo)

  const decided = bodyOf(200, await ops.post(`/v1/claims/${claimId}/resolve`, { action: 'redeliver' }))
  expect(decided.status).toBe('redelivering')
  const again: string = decided.replacementOrderId
  const replacement = await orderOf(again)
  expect(replacement).toMatchObject({ status: 'confirmed', totalCents: 0, replacesClaimId: claimId })
  await settled(system)

  const second = await takeOut(again, dayOf(replacement))
  await becomes(again, 'out_for_delivery')
  expect(await claimsOf(orderId)).toMatchObject([{ status: 'redelivering' }])
  // Nobody is there, and the van tries once more.
  bodyOf(200, await second.driver.post(`${second.stop}/fail`, { reason: 'customer_absent' }))
  await becomes(again, 'delivery_failed')
  expect(await claimsOf(orderId)).toMatchObject([{ status: 'redelivering', replacementOrderId: again }])
  bodyOf(200, await ops.post(`/v1/dispatch/deliveries/${again}/decide`, { action: 'retry_today' }))
  const { stops } = bodyOf(200, await second.driver.get('/v1/driver/route'))
  const open = stops.find(({ status }: { status: string }) => status === 'pending')
  bodyOf(200, await second.driver.post(`/v1/driver/stops/${open.id}/deliver`, { proof }))
  await becomes(again, 'delivered')
  expect(await claimsOf(orderId)).toMatchObject([
    { id: claimId, status: 'redelivered', replacementOrderId: again },
  ])
  await settled(system)
  expect(await onHand()).toBe(before - 2)
  const payments = await inspect(
    system.database.adminUrl,
    'select order_id from payments.payments where order_id = any($1::uuid[])',
    [[orderId, again]],
  )
  expect(payments).toEqual([{ order_id: orderId }])
})

test('one of two plants stays on the van: claimed by itself, paid back, and in stock again', async () => {
  const before = await onHand()
  const orderId = await buyPlants(2)
  const { driver, stop } = await takeOut(orderId, shop.date)
  const undelivered = { parcels: 1, reason: 'damaged', items: [] }
  bodyOf(200, await driver.post(`${stop}/deliver`, { proof, undelivered }))
  await becomes(orderId, 'delivered')
  expect(await orderOf(orderId)).toMatchObject({ undelivered })
  expect(bodyOf(200, await customer.get(`/v1/orders/${orderId}/tracking`)).undeliveredParcels).toBe(1)
  const [claim] = await claimsOf(orderId)
  const lines = [{ productId: shop.plant.id, quantity: 1 }]
  expect(claim).toMatchObject({ origin: 'driver', status: 'open', items: lines })

  const refunded = bodyOf(200, await ops.post(`/v1/claims/${claim.id}/resolve`, { action: 'refund' }))
  expect(refunded).toMatchObject({ status: 'refunded', amountCents: 3_500 + 311 })
  bodyOf(200, await ops.post(`/v1/dispatch/deliveries/${orderId}/received`, { lines }))
  await settled(system)
  expect(await onHand()).toBe(before - 1)
  expect((await orderOf(orderId)).payment.status).toBe('partially_refunded')
})

test('a replacement that nobody takes comes back, and its claim is open for another decision', async () => {
  const orderId = await buyPlants(1)
  const first = await takeOut(orderId, shop.date)
  bodyOf(200, await first.driver.post(`${first.stop}/deliver`, { proof }))
  await becomes(orderId, 'delivered')
  const items = [{ productId: shop.plant.id, quantity: 1 }]
  const { id } = bodyOf(201, await customer.post(`/v1/orders/${orderId}/claims`, { reason: 'Wilted', items }))
  const decided = bodyOf(200, await ops.post(`/v1/claims/${id}/resolve`, { action: 'redeliver' }))
  const again: string = decided.replacementOrderId
  await settled(system)
  const before = await onHand()
  const { driver, stop } = await takeOut(again, dayOf(await orderOf(again)))
  bodyOf(200, await driver.post(`${stop}/fail`, { reason: 'refused' }))
  bodyOf(200, await ops.post(`/v1/dispatch/deliveries/${again}/decide`, { action: 'return' }))
  await waitFor(async () => (await claimsOf(orderId))[0].status === 'open', {
    describe: 'the claim to be open again',
  })
  bodyOf(200, await ops.post(`/v1/dispatch/deliveries/${again}/received`, {}))
  bodyOf(200, await ops.post(`/v1/claims/${id}/resolve`, { action: 'refund' }))
  await settled(system)
  expect(await claimsOf(orderId)).toMatchObject([{ status: 'refunded' }])
  expect(await onHand()).toBe(before)
})
