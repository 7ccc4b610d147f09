import { inspect } from '@urbanbloom/test-kit/audit'
import { buy, chargesOf, openShop, readOrder, settled } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import { registerCustomer } from '@urbanbloom/test-kit/people'
import { createProduct } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { crashSteps } from '../../../../services/order/src/crash-steps.ts'

vi.setConfig({ testTimeout: 90_000 })

let system: System
let shop: Awaited<ReturnType<typeof openShop>>

/** Short, so that recovery begins soon; longer than a checkout takes here. */
const quick = { CHECKOUT_LEASE_MS: '1500', RECOVERY_INTERVAL_MS: '200', JOB_TIMEOUT_MS: '1000' }

beforeAll(async () => {
  system = await startSystem({ env: { order: quick } })
  shop = await openShop(system)
})
afterAll(() => system?.close())

/** Kills `order` at a step of the saga, starts it again and waits until every order has ended. */
async function crashAt(step: string, act: () => Promise<{ status: number }>) {
  await system.restart('order', { env: { ...quick, CRASH_AT: step } })
  const answer = await act().catch(() => ({ status: 0 }))
  const exit = await system.exited('order')
  expect(exit, `the process dies at ${step}`).toMatchObject({ signal: 'SIGKILL' })
  expect([0, 502, 503]).toContain(answer.status)
  await system.restart('order', { env: quick })
  await settled(system)
}

async function ordersOf(customerId: string) {
  return inspect<{ id: string; status: string; code: string | null }>(
    system.database.adminUrl,
    `select id, status, rejection ->> 'code' as code from orders.orders where customer_id = $1 order by id`,
    [customerId],
  )
}

const placing: [string, string[]][] = [
  ['priced', []],
  ['order_inserted', ['rejected']],
  ['stock_reserved', ['rejected']],
  ['window_held', ['rejected']],
  ['all_held', ['rejected']],
  ['payment_authorized', ['confirmed']],
  ['order_confirmed', ['confirmed']],
]

const refusing = ['order_rejected', 'unwound']
const cancelling = ['cancelling', 'delivery_released', 'order_cancelled', 'unwound']

test('the process is killed at every step there is', () => {
  const tried = new Set([...placing.map(([step]) => step), ...refusing, ...cancelling])
  expect([...tried].toSorted()).toEqual(crashSteps.toSorted())
})

test.each(placing)(
  'killed at %s, the order ends as %j, and the retry buys exactly once',
  async (step, ends) => {
    const customer = await registerCustomer(system)
    const key = crypto.randomUUID()
    await crashAt(step, () => buy(system.gatewayUrl, customer, shop.one(), key))
    expect((await ordersOf(customer.id)).map(({ status }) => status)).toEqual(ends)

    const retry = await buy(system.gatewayUrl, customer, shop.one(), key)
    expect(retry.status, JSON.stringify(retry.body)).toBe(201)
    await settled(system)
    const orders = await ordersOf(customer.id)
    expect(orders.filter(({ status }) => status === 'confirmed').map(({ id }) => id)).toEqual([
      retry.body.order.id,
    ])
    for (const { status, code } of orders)
      if (status === 'rejected') expect(code).toBe('checkout_interrupted')
    const charges = await Promise.all(orders.map(({ id }) => chargesOf(system, id)))
    expect(charges.flat().filter(({ status }) => status === 'requires_capture')).toHaveLength(1)
  },
)

test.each(refusing)('killed at %s, a refused order gives everything back', async (step) => {
  const customer = await registerCustomer(system)
  const scarce = await createProduct(system, shop.ops, { initialQuantity: 1 })
  const body = shop.one({ items: [{ productId: scarce.id, quantity: 2 }] })
  const key = crypto.randomUUID()
  await crashAt(step, () => buy(system.gatewayUrl, customer, body, key))
  expect(await ordersOf(customer.id)).toMatchObject([{ status: 'rejected', code: 'out_of_stock' }])
  expect(await buy(system.gatewayUrl, customer, body, key)).toMatchObject({
    status: 409,
    body: { code: 'out_of_stock' },
    headers: { 'idempotency-replayed': 'true' },
  })
})

test.each(cancelling)('killed at %s, a cancellation is carried to its end', async (step) => {
  const customer = await registerCustomer(system)
  const { order } = (await buy(system.gatewayUrl, customer, shop.one())).body
  const cancel = () =>
    request('POST', `${system.gatewayUrl}/v1/orders/${order.id}/cancel`, { token: customer.token })
  await crashAt(step, cancel)
  expect((await readOrder(system.gatewayUrl, customer, order.id)).body).toMatchObject({
    status: 'cancelled',
    payment: { status: 'voided' },
  })
  expect((await cancel()).status).toBe(200)
})
