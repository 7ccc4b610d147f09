import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InventoryUnderTest, startInventory } from './start-inventory.ts'

let inventory: InventoryUnderTest
beforeAll(async () => void (inventory = await startInventory()))
afterAll(() => inventory.close())

const tell = (type: string, data: object, id = newId()) =>
  inventory.internal('/events', { id, type, occurredAt: new Date().toISOString(), data })
const leave = (orderId: string) => tell('delivery.out_for_delivery', { orderId, sequence: 1 })
const comeBack = (orderId: string, lines?: object[], id?: string) =>
  tell('delivery.returned', { orderId, sequence: 3, ...(lines === undefined ? {} : { lines }) }, id)

async function shipped(quantities: number[]) {
  const products = await Promise.all(quantities.map(() => inventory.createProduct({ initialQuantity: 10 })))
  const orderId = newId()
  const lines = products.map(({ id }, index) => ({ productId: id, quantity: quantities[index] }))
  await inventory.internal('/reservations', { orderId, lines })
  expect((await leave(orderId)).status).toBe(204)
  return { orderId, ids: products.map(({ id }) => id) }
}

test('what comes back is on hand again, once', async () => {
  const { orderId, ids } = await shipped([3, 4])
  const eventId = newId()
  const answers = await Promise.all([
    comeBack(orderId, undefined, eventId),
    comeBack(orderId, undefined, eventId),
    comeBack(orderId),
  ])
  expect(answers.map(({ status }) => status)).toEqual([204, 204, 204])
  for (const id of ids) expect(await inventory.level(id)).toEqual({ onHand: 10, reserved: 0 })
  const movements = await inventory.db.query(
    'select kind, on_hand_delta from stock_movements where product_id = $1 order by id',
    [ids[0]],
  )
  expect(movements.slice(-2)).toEqual([
    { kind: 'shipped', on_hand_delta: -3 },
    { kind: 'returned', on_hand_delta: 3 },
  ])
})

test('only the lines that came back count, and never more than was shipped', async () => {
  const { orderId, ids } = await shipped([3, 4])
  const stranger = await inventory.createProduct({ initialQuantity: 1 })
  const lines = [
    { productId: ids[0], quantity: 2 },
    { productId: ids[1], quantity: 99 },
    { productId: stranger.id, quantity: 5 },
  ]
  expect((await comeBack(orderId, lines)).status).toBe(204)
  expect(await inventory.level(ids[0] ?? '')).toEqual({ onHand: 9, reserved: 0 })
  expect(await inventory.level(ids[1] ?? '')).toEqual({ onHand: 10, reserved: 0 })
  expect(await inventory.level(stranger.id)).toEqual({ onHand: 1, reserved: 0 })
})

test('a return that overtakes the departure is refused and taken when it comes again', async () => {
  const product = await inventory.createProduct({ initialQuantity: 10 })
  const orderId = newId()
  await inventory.internal('/reservations', { orderId, lines: [{ productId: product.id, quantity: 2 }] })
  const early = await comeBack(orderId)
  expect([early.status, early.body.code]).toEqual([409, 'reservation_not_shipped'])
  await leave(orderId)
  expect((await comeBack(orderId)).status).toBe(204)
  expect(await inventory.level(product.id)).toEqual({ onHand: 10, reserved: 0 })
  const again = await leave(orderId)
  expect([again.status, again.body.code]).toEqual([409, 'reservation_not_held'])
})

test('what a plant needs in the van is kept, changed and told', async () => {
  const transport = { fragile: true, maxVanMinutes: 90 }
  const product = await inventory.createProduct({ transport })
  const lookUp = async () =>
    (await inventory.internal('/products/lookup', { productIds: [product.id] })).body.products[0]
  expect((await lookUp()).transport).toEqual(transport)
  await inventory.change(product.id, { transport: { upright: true } })
  expect((await lookUp()).transport).toEqual({ upright: true })
  await inventory.change(product.id, { transport: null })
  expect('transport' in (await lookUp())).toBe(false)
})
