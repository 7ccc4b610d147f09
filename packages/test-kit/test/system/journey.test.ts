import { buy, openShop, readOrder, settled } from '@urbanbloom/test-kit/buyers'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { registerCustomer } from '@urbanbloom/test-kit/people'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'

let system: System
let shop: Awaited<ReturnType<typeof openShop>>

beforeAll(async () => {
  system = await startSystem()
  shop = await openShop(system)
})
afterAll(() => system?.close())

const url = (path: string) => `${system.gatewayUrl}${path}`

async function status(id: string): Promise<string> {
  return (await readOrder(system.gatewayUrl, shop.customer, id)).body.status
}

async function until(id: string, wanted: string) {
  await waitFor(async () => (await status(id)) === wanted, { describe: `order ${id} is ${wanted}` })
}

async function planTheDay() {
  const date = shop.window.start.slice(0, 10)
  const plan = await requestExpecting(202, 'POST', url('/v1/dispatch/plans'), {
    token: shop.ops.token,
    body: { hubId: shop.hub.id, date },
  })
  return waitFor(
    async () => {
      const { body } = await request('GET', url(`/v1/dispatch/plans/${plan.id}`), { token: shop.ops.token })
      if (body.status === 'failed') throw new Error(JSON.stringify(body))
      return body.status === 'done' ? body : null
    },
    { describe: 'the plan is done', timeoutMs: 30_000 },
  )
}

test('plants are bought, planned, driven and delivered, the money is captured and the books balance', async () => {
  const orders: string[] = []
  for (let count = 0; count < 4; count += 1) {
    const answer = await buy(system.gatewayUrl, shop.customer, shop.one())
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    orders.push(answer.body.order.id)
  }
  await settled(system)

  const plan = await planTheDay()
  expect(plan.unassigned).toEqual([])
  const planned = plan.routes.flatMap((route: any) => route.stops.map((stop: any) => stop.orderId))
  expect(planned.toSorted()).toEqual(orders.toSorted())
  for (const id of orders) await until(id, 'scheduled')

  const driver = { token: shop.driver.token }
  const route = await request('GET', url('/v1/driver/route'), driver)
  expect(route.status, JSON.stringify(route.body)).toBe(200)
  const stops: { id: string; orderId: string }[] = route.body.stops
  expect(stops).toHaveLength(4)
  const cached = await request('GET', url('/v1/driver/route'), {
    ...driver,
    headers: { 'if-none-match': route.headers.etag! },
  })
  expect(cached.status).toBe(304)

  const tracking = (id: string) =>
    request('GET', url(`/v1/orders/${id}/tracking`), { token: shop.customer.token })
  expect((await tracking(orders[0]!)).status).toBe(200)
  const stranger = await registerCustomer(system)
  const hidden = await request('GET', url(`/v1/orders/${orders[0]}/tracking`), { token: stranger.token })
  expect(hidden.status).toBe(404)

  await requestExpecting(200, 'POST', url('/v1/driver/route/start'), driver)
  for (const id of orders) await until(id, 'out_for_delivery')
  for (const id of orders) {
    await waitFor(
      async () => (await readOrder(system.gatewayUrl, shop.customer, id)).body.payment.status === 'captured',
      {
        describe: 'the payment is captured',
      },
    )
    const late = await request('POST', url(`/v1/orders/${id}/cancel`), { token: shop.customer.token })
    expect(late).toMatchObject({ status: 409, body: { code: 'order_not_cancellable' } })
  }

  const proof = { proof: { kind: 'code', code: '1234' } }
  const [failing, ...delivering] = stops
  await requestExpecting(200, 'POST', url(`/v1/driver/stops/${failing!.id}/arrive`), driver)
  await requestExpecting(200, 'POST', url(`/v1/driver/stops/${failing!.id}/fail`), {
    ...driver,
    body: { reason: 'nobody_home' },
  })
  for (const stop of delivering) {
    await requestExpecting(200, 'POST', url(`/v1/driver/stops/${stop.id}/arrive`), driver)
    const first = await requestExpecting(200, 'POST', url(`/v1/driver/stops/${stop.id}/deliver`), {
      ...driver,
      body: proof,
    })
    const again = await requestExpecting(200, 'POST', url(`/v1/driver/stops/${stop.id}/deliver`), {
      ...driver,
      body: proof,
    })
    expect(again).toEqual(first)
    const other = await request('POST', url(`/v1/driver/stops/${stop.id}/fail`), {
      ...driver,
      body: { reason: 'nobody_home' },
    })
    expect(other.status).toBe(409)
  }
  for (const { orderId } of delivering) await until(orderId, 'delivered')
  await until(failing!.orderId, 'delivery_failed')
  await settled(system)

  const { body: delivered } = await readOrder(system.gatewayUrl, shop.customer, delivering[0]!.orderId)
  expect(delivered.deliveredAt).toBeTruthy()
  const ops = { token: shop.ops.token }
  const payment = await requestExpecting(200, 'GET', url(`/v1/payments/${delivered.payment.id}`), ops)
  expect(payment).toMatchObject({ status: 'captured' })
  const reconciliation = await requestExpecting(200, 'GET', url('/v1/payments/reconciliation'), ops)
  expect(reconciliation.mismatches).toEqual([])

  await claimOnePlant(delivered)
})

/** A damaged plant: the customer claims, ops refunds, and a second decision is refused. */
async function claimOnePlant(order: { id: string; payment: { id: string } }) {
  const customer = { token: shop.customer.token }
  const ops = { token: shop.ops.token }
  const items = [{ productId: shop.plant.id, quantity: 1 }]
  const body = { reason: 'The stem is broken', items }
  const claim = await requestExpecting(201, 'POST', url(`/v1/orders/${order.id}/claims`), {
    ...customer,
    body,
  })
  const resolved = await requestExpecting(200, 'POST', url(`/v1/claims/${claim.id}/resolve`), {
    ...ops,
    body: { action: 'refund' },
  })
  expect(resolved).toMatchObject({ status: 'refunded', amountCents: 3_500 + 311 })
  const again = await request('POST', url(`/v1/claims/${claim.id}/resolve`), {
    ...ops,
    body: { action: 'reject' },
  })
  expect(again).toMatchObject({ status: 409, body: { code: 'claim_already_resolved' } })
  await settled(system)
  const payment = await requestExpecting(200, 'GET', url(`/v1/payments/${order.payment.id}`), ops)
  expect(payment).toMatchObject({ status: 'partially_refunded' })
}
