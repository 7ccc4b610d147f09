import { audit } from '@urbanbloom/test-kit/audit'
import { settled } from '@urbanbloom/test-kit/buyers'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectProblem, openApi } from './api-client.ts'
import { buyPlants, openHeavyShop, planDay } from './planned-day.ts'

let system: System
let api: Api
let shop: Awaited<ReturnType<typeof openHeavyShop>>
let driver: Caller
let customer: Caller
let ops: Caller
let stops: { id: string; orderId: string }[]

beforeAll(async () => {
  system = await startSystem()
  api = await openApi(system.gatewayUrl)
  shop = await openHeavyShop(system, api)
  driver = api.as(shop.driver)
  customer = api.as(shop.customer)
  ops = api.as(shop.ops)
  // Four orders fill both vans.
  await buyPlants(system, shop, 4)
  await planDay(api, shop)
  stops = bodyOf(200, await driver.post('/v1/driver/route/start')).stops
  for (const { id } of stops) {
    bodyOf(200, await driver.post(`/v1/driver/stops/${id}/fail`, { reason: 'customer_absent' }))
  }
})
afterAll(() => system?.close())

const orderOf = async (orderId: string) => bodyOf(200, await customer.get(`/v1/orders/${orderId}`))
const becomes = (orderId: string, status: string) =>
  waitFor(async () => (await orderOf(orderId)).status === status, { describe: `the order is ${status}` })
const decide = (orderId: string, body: object) => ops.post(`/v1/dispatch/deliveries/${orderId}/decide`, body)
const available = async () => bodyOf(200, await ops.get(`/v1/products/${shop.plant.id}`)).availableQuantity

test('a failed delivery is tried again from the van and delivered', async () => {
  const { orderId } = stops[0]!
  await becomes(orderId, 'delivery_failed')
  const listed = bodyOf(200, await ops.get(`/v1/dispatch/deliveries?hubId=${shop.hub.id}&state=failed`))
  expect(listed.items.map(({ id }: { id: string }) => id).toSorted()).toEqual(
    stops.map((stop) => stop.orderId).toSorted(),
  )
  expect(bodyOf(200, await decide(orderId, { action: 'retry_today' }))).toMatchObject({ status: 'loaded' })
  await becomes(orderId, 'out_for_delivery')
  const again = bodyOf(200, await driver.get('/v1/driver/route')).stops.at(-1)
  expect(again).toMatchObject({ orderId, status: 'pending' })
  const proof = { kind: 'code', code: '4711' }
  bodyOf(200, await driver.post(`/v1/driver/stops/${again.id}/deliver`, { proof }))
  await becomes(orderId, 'delivered')
  expectProblem(await decide(orderId, { action: 'return' }), 409, 'delivery_not_decidable')
})

test('a failed delivery that is given up comes back into stock; the money waits for ops', async () => {
  const { orderId } = stops[1]!
  const before = await available()
  bodyOf(200, await decide(orderId, { action: 'return', reason: 'moved away' }))
  bodyOf(200, await ops.post(`/v1/dispatch/deliveries/${orderId}/received`, {}))
  await waitFor(async () => (await available()) === before + 1, { describe: 'the plant is in stock again' })
  expect(await orderOf(orderId)).toMatchObject({ status: 'delivery_failed', payment: { status: 'captured' } })
  expectProblem(await customer.post(`/v1/orders/${orderId}/cancel`), 409, 'order_not_cancellable')
  await settled(system)
  expect(await audit(system.database.adminUrl)).toEqual([])
})
