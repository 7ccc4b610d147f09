import { buy, openShop, paidWith, readOrder } from '@urbanbloom/test-kit/buyers'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { nearbyAddress } from '@urbanbloom/test-kit/shop'
import type { System } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'

type Entrance = Pick<
  System,
  'gatewayUrl' | 'urlOf' | 'internalToken' | 'sandboxKey' | 'database' | 'redisUrl'
>
type Shop = Awaited<ReturnType<typeof openShop>>

const url = ({ gatewayUrl }: Pick<Entrance, 'gatewayUrl'>, path: string) => `${gatewayUrl}${path}`

/**
 * A short day on which everything happens once: people register and mistype, buy, are refused, cancel and complain,
 * ops plan, a driver drives, delivers and fails, money is captured and given back.
 */
export async function liveThroughADay(system: System) {
  const shop = await openShop(system, { initialQuantity: 12 })
  const giftMessage = 'Happy birthday dear Wilhelmina Quastenflosser'
  await lookAround(system, shop)
  const bought = await buyAll(system, shop, giftMessage)
  const stops = await planAndDrive(system, shop, bought)
  await complain(system, shop, stops)
  await requestExpecting(204, 'POST', url(system, '/v1/auth/logout'), {
    token: shop.customer.token,
    body: { refreshToken: shop.customer.refreshToken },
  }).catch(() => undefined)
  return { shop, orders: bought, giftMessage }
}

/** What visitors and strangers do, with ids of all kinds in their paths. */
async function lookAround(system: Entrance, shop: Shop): Promise<void> {
  for (const path of [
    `/v1/products/${shop.plant.id}`,
    `/v1/products/${shop.plant.id}`,
    '/v1/products?search=monstera',
    `/v1/products/${crypto.randomUUID()}`,
    `/no/such/path/${crypto.randomUUID()}`,
    '/v1/orders',
    '/healthz',
  ]) {
    await request('GET', url(system, path))
  }
  const { email } = shop.customer
  await request('POST', url(system, '/v1/auth/login'), { body: { email, password: 'a-mistyped-password' } })
  await requestExpecting(200, 'PATCH', url(system, '/v1/me'), {
    token: shop.customer.token,
    body: { name: 'Wilhelmina Quastenflosser' },
  })
  await requestExpecting(201, 'POST', url(system, '/v1/me/addresses'), {
    token: shop.customer.token,
    body: nearbyAddress,
  })
}

async function buyAll(system: System, shop: Shop, giftMessage: string): Promise<string[]> {
  const attempt = (changes: object, status: number) =>
    buy(system.gatewayUrl, shop.customer, shop.one({ giftMessage, ...changes })).then((answer) => {
      if (answer.status === status) return answer
      throw new Error(`A checkout answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    })
  await attempt(paidWith('tok_declined'), 402)
  await attempt({ items: [{ productId: shop.plant.id, quantity: 50 }] }, 409)
  const waiting = await attempt(paidWith('tok_3ds'), 202)
  await requestExpecting(200, 'POST', url(system, `/v1/orders/${waiting.body.order.id}/payment-action`), {
    token: shop.customer.token,
    body: { outcome: 'decline' },
  }).catch(() => undefined)
  const cancelled = await attempt({}, 201)
  await requestExpecting(200, 'POST', url(system, `/v1/orders/${cancelled.body.order.id}/cancel`), {
    token: shop.customer.token,
  })
  const bought: string[] = []
  for (let count = 0; count < 3; count += 1) bought.push((await attempt({}, 201)).body.order.id)
  return bought
}

async function planAndDrive(system: System, shop: Shop, orders: string[]) {
  const ops = { token: shop.ops.token }
  const driver = { token: shop.driver.token }
  const become = (id: string, wanted: string) =>
    waitFor(async () => (await readOrder(system.gatewayUrl, shop.customer, id)).body.status === wanted, {
      describe: `order ${id} is ${wanted}`,
      timeoutMs: 30_000,
    })
  await waitFor(async () => (await planDay(system, shop)).length === orders.length, {
    describe: 'all deliveries are known and planned',
    timeoutMs: 60_000,
  })
  for (const id of orders) await become(id, 'scheduled')
  const { stops } = await requestExpecting(200, 'GET', url(system, '/v1/driver/route'), driver)
  await requestExpecting(200, 'POST', url(system, '/v1/driver/route/start'), driver)
  await reportPosition(system, shop)
  for (const id of orders) await become(id, 'out_for_delivery')
  const link = await requestExpecting(201, 'POST', url(system, `/v1/orders/${orders[0]}/tracking-links`), {
    token: shop.customer.token,
  })
  await requestExpecting(200, 'GET', url(system, `/v1/tracking/${link.token}`))
  await requestExpecting(200, 'GET', url(system, '/v1/drivers/locations'), ops)
  const [failing, ...delivering] = stops as { id: string; orderId: string }[]
  await stopCall(system, shop, failing?.id, 'arrive', {})
  await stopCall(system, shop, failing?.id, 'fail', { reason: 'nobody_home' })
  for (const stop of delivering) {
    await stopCall(system, shop, stop.id, 'arrive', {})
    await stopCall(system, shop, stop.id, 'deliver', { proof: { kind: 'code', code: '4711' } })
    await become(stop.orderId, 'delivered')
  }
  return delivering
}

/** Plans the day of the shop's window. @returns the orders on its routes. */
async function planDay(system: Entrance, shop: Shop): Promise<string[]> {
  const ops = { token: shop.ops.token }
  const date = shop.window.start.slice(0, 10)
  const { id } = await requestExpecting(202, 'POST', url(system, '/v1/dispatch/plans'), {
    ...ops,
    body: { hubId: shop.hub.id, date },
  })
  const plan = await waitFor(
    async () => {
      const { body } = await request('GET', url(system, `/v1/dispatch/plans/${id}`), ops)
      return body.status === 'done' || body.status === 'failed' ? body : null
    },
    { describe: `the plan ${id} has ended`, timeoutMs: 30_000 },
  )
  return plan.routes.flatMap(({ stops }: { stops: { orderId: string }[] }) =>
    stops.map(({ orderId }) => orderId),
  )
}

function reportPosition(system: Entrance, shop: Shop): Promise<unknown> {
  const position = { latitude: 33.757, longitude: -84.355, accuracyMeters: 8 }
  return requestExpecting(202, 'POST', url(system, '/v1/driver/positions'), {
    token: shop.driver.token,
    body: { positions: [{ ...position, recordedAt: new Date().toISOString() }] },
  })
}

function stopCall(system: Entrance, shop: Shop, id: string | undefined, action: string, body: object) {
  return requestExpecting(200, 'POST', url(system, `/v1/driver/stops/${id}/${action}`), {
    token: shop.driver.token,
    body,
  })
}

async function complain(system: Entrance, shop: Shop, [stop]: { orderId: string }[]): Promise<void> {
  const claim = await requestExpecting(201, 'POST', url(system, `/v1/orders/${stop?.orderId}/claims`), {
    token: shop.customer.token,
    body: { reason: 'The stem is broken', items: [{ productId: shop.plant.id, quantity: 1 }] },
  })
  await requestExpecting(200, 'POST', url(system, `/v1/claims/${claim.id}/resolve`), {
    token: shop.ops.token,
    body: { action: 'refund' },
  })
}
