import { inspect } from '@urbanbloom/test-kit/audit'
import { buy, chargesOf, openShop, paidWith, settled } from '@urbanbloom/test-kit/buyers'
import { type Person, registerCustomer } from '@urbanbloom/test-kit/people'
import { createProduct } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PLANTS = 20

let system: System
let shop: Awaited<ReturnType<typeof openShop>>

beforeAll(async () => {
  system = await startSystem({ replicas: 2 })
  shop = await openShop(system)
})
afterAll(() => system?.close())

const gateway = (index: number) => system.gatewayUrls[index % 2]!

test('50 concurrent posts of one key make one order, one charge and 50 equal answers', async () => {
  const key = crypto.randomUUID()
  const body = shop.one()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => buy(gateway(index), shop.customer, body, key)),
  )

  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 201))
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1)
  expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(49)
  expect(await chargesOf(system, answers[0]!.body.order.id)).toHaveLength(1)
  const orders = await inspect(
    system.database.adminUrl,
    'select id from orders.orders where customer_id = $1',
    [shop.customer.id],
  )
  expect(orders).toHaveLength(1)
  await settled(system)
})

test('the same key with another body is 422; with the body in another order it is the same', async () => {
  const key = crypto.randomUUID()
  const first = await buy(gateway(0), shop.customer, shop.one(), key)
  const other = await buy(gateway(1), shop.customer, shop.one({ giftMessage: 'Hello' }), key)
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })

  const reordered = Object.fromEntries(Object.entries(shop.one()).toReversed())
  const again = await buy(gateway(1), shop.customer, reordered, key)
  expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' }, body: first.body })
})

test('a refusal is given again, and a key of one customer means nothing for another', async () => {
  const key = crypto.randomUUID()
  const body = shop.one(paidWith('tok_declined'))
  const first = await buy(gateway(0), shop.customer, body, key)
  const again = await buy(gateway(1), shop.customer, body, key)
  expect([first.status, again.status]).toEqual([402, 402])
  expect(again.body).toEqual(first.body)
  expect(again.headers['idempotency-replayed']).toBe('true')

  const stranger = await registerCustomer(system)
  const theirs = await buy(gateway(0), stranger, shop.one(), key)
  expect(theirs.status).toBe(201)
  await settled(system)
})

test('200 buyers for 20 plants over two processes of each service: 20 sold, 20 charged, none left', async () => {
  const { plant, one } = await scarcePlant()
  const buyers = await Promise.all(Array.from({ length: 200 }, () => registerCustomer(system)))
  const answers = await Promise.all(buyers.map((buyer, index) => insist(index, buyer, one())))

  const sold = answers.filter(({ status }) => status === 201)
  const refused = answers.filter(({ status }) => status === 409)
  expect(sold).toHaveLength(PLANTS)
  expect(refused).toHaveLength(200 - PLANTS)
  for (const { body } of refused) expect(body).toMatchObject({ code: 'out_of_stock', availableQuantity: 0 })

  await settled(system)
  const [level] = await inspect(
    system.database.adminUrl,
    'select on_hand, reserved, on_hand - reserved as available from inventory.stock_levels where product_id = $1',
    [plant.id],
  )
  expect(level).toEqual({ on_hand: PLANTS, reserved: PLANTS, available: 0 })
  const charges = await Promise.all(sold.map(({ body }) => chargesOf(system, body.order.id)))
  expect(charges.flat().filter(({ status }) => status === 'requires_capture')).toHaveLength(PLANTS)
})

/** A buyer who sends the same request again as long as the system says to come back. */
async function insist(index: number, buyer: Person, body: unknown) {
  const key = crypto.randomUUID()
  return waitFor(
    async () => {
      const answer = await buy(gateway(index), buyer, body, key)
      return answer.status < 500 ? answer : null
    },
    { describe: 'a buyer gets a decision', timeoutMs: 60_000 },
  )
}

/** Another plant with twenty pieces, in the shop that is open. */
async function scarcePlant() {
  const plant = await createProduct(system, shop.ops, { initialQuantity: PLANTS })
  return { plant, one: () => shop.one({ items: [{ productId: plant.id, quantity: 1 }] }) }
}
