import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type InventoryUnderTest, startInventory } from './start-inventory.ts'

let inventory: InventoryUnderTest
beforeAll(async () => void (inventory = await startInventory()))
afterAll(() => inventory.close())

const reserve = (orderId: string, ...lines: [productId: string, quantity: number][]) =>
  inventory.internal('/reservations', {
    orderId,
    lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
  })
const release = (orderId: string) => inventory.internal(`/reservations/${orderId}/release`, {})
const leave = (orderId: string, id = newId()) =>
  inventory.internal('/events', {
    id,
    type: 'delivery.out_for_delivery',
    occurredAt: new Date().toISOString(),
    data: { orderId, sequence: 1 },
  })
const movementsOf = async (productId: string) =>
  (
    await inventory.db.query<{ kind: string; on_hand_delta: number; reserved_delta: number }>(
      'select kind, on_hand_delta, reserved_delta from stock_movements where product_id = $1 order by id',
      [productId],
    )
  ).map((row) => [row.kind, row.on_hand_delta, row.reserved_delta])

describe('reserving', () => {
  test('holds all lines and records each movement', async () => {
    const [a, b] = [await inventory.createProduct(), await inventory.createProduct({ initialQuantity: 5 })]
    const answer = await reserve(newId(), [a.id, 3], [b.id, 5])
    expect([answer.status, answer.body]).toEqual([200, { status: 'held' }])
    expect(await inventory.level(a.id)).toEqual({ onHand: 100, reserved: 3 })
    expect(await inventory.level(b.id)).toEqual({ onHand: 5, reserved: 5 })
    expect(await movementsOf(b.id)).toEqual([
      ['received', 5, 0],
      ['reserved', 0, 5],
    ])
  })

  test('takes nothing at all when one line is short, and says which and how many are left', async () => {
    const [a, b] = [await inventory.createProduct(), await inventory.createProduct({ initialQuantity: 2 })]
    const orderId = newId()
    const answer = await reserve(orderId, [a.id, 1], [b.id, 3])
    expect(answer.status).toBe(409)
    expect(answer.body).toMatchObject({ code: 'out_of_stock', productId: b.id, availableQuantity: 2 })
    expect(await inventory.level(a.id)).toEqual({ onHand: 100, reserved: 0 })
    expect(await movementsOf(a.id)).toEqual([['received', 100, 0]])
    expect(await inventory.metric('stock_refusals_total{reason="out_of_stock"}')).toBeGreaterThan(0)
    expect((await reserve(orderId, [a.id, 1])).status).toBe(200)
  })

  test('sells neither what is withdrawn nor what is unknown', async () => {
    const withdrawn = await inventory.createProduct()
    await inventory.change(withdrawn.id, { withdrawn: true })
    for (const id of [withdrawn.id, newId()]) {
      const answer = await reserve(newId(), [id, 1])
      expect(answer.body).toMatchObject({ code: 'out_of_stock', productId: id, availableQuantity: 0 })
    }
  })

  test('refuses the same product on two lines', async () => {
    const { id } = await inventory.createProduct()
    const answer = await reserve(newId(), [id, 1], [id, 1])
    expect([answer.status, answer.body.code]).toEqual([400, 'duplicate_line'])
  })

  test('200 buyers at once for 20 plants: exactly 20 get one', async () => {
    const { id } = await inventory.createProduct({ initialQuantity: 20 })
    const answers = await Promise.all(Array.from({ length: 200 }, () => reserve(newId(), [id, 1])))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.filter((status) => status === 409)).toHaveLength(180)
    expect(await inventory.level(id)).toEqual({ onHand: 20, reserved: 20 })
  })

  test('sells what came in or went out while it waited', async () => {
    for (const { change, wanted, status } of [
      { change: 1, wanted: 3, status: 200 },
      { change: -1, wanted: 2, status: 409 },
    ]) {
      const { id } = await inventory.createProduct({ initialQuantity: 2 })
      const answer = await inventory.db.transaction(async (tx) => {
        await tx.query('update stock_levels set on_hand = on_hand + $2 where product_id = $1', [id, change])
        const waiting = reserve(newId(), [id, wanted])
        await waitFor(
          async () =>
            (
              await inventory.db.query(
                `select 1 from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock' and query like '%with turn%'`,
              )
            ).length > 0,
          { describe: 'the reservation waits for the level' },
        )
        return { waiting }
      })
      expect((await answer.waiting).status).toBe(status)
    }
  })

  test('orders whose lines cross each other do not deadlock', async () => {
    const ids: string[] = []
    for (let n = 0; n < 4; n += 1) ids.push((await inventory.createProduct({ initialQuantity: 1_000 })).id)
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, n) => {
        const lines = n % 2 === 0 ? ids : ids.toReversed()
        return reserve(newId(), ...lines.map((id): [string, number] => [id, 1]))
      }),
    )
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    for (const id of ids) expect(await inventory.level(id)).toEqual({ onHand: 1_000, reserved: 80 })
  })
})

describe('one order', () => {
  test('posted many times at once reserves once, and all are told so', async () => {
    const { id } = await inventory.createProduct({ initialQuantity: 3 })
    const orderId = newId()
    const answers = await Promise.all(Array.from({ length: 20 }, () => reserve(orderId, [id, 2])))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(await inventory.level(id)).toEqual({ onHand: 3, reserved: 2 })
    expect(await movementsOf(id)).toHaveLength(2)
  })

  test('with other lines than before is refused', async () => {
    const { id } = await inventory.createProduct()
    const orderId = newId()
    await reserve(orderId, [id, 2])
    const answer = await reserve(orderId, [id, 3])
    expect([answer.status, answer.body.code]).toEqual([409, 'reservation_differs'])
    expect(await inventory.level(id)).toEqual({ onHand: 100, reserved: 2 })
  })

  test('gives its stock back once, however often it is released', async () => {
    const { id } = await inventory.createProduct()
    const orderId = newId()
    await reserve(orderId, [id, 4])
    const answers = await Promise.all(Array.from({ length: 5 }, () => release(orderId)))
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([200, { status: 'released' }])
    expect(await inventory.level(id)).toEqual({ onHand: 100, reserved: 0 })
    expect(await movementsOf(id)).toHaveLength(3)
  })

  test('released before it reserved never reserves', async () => {
    const { id } = await inventory.createProduct()
    const orderId = newId()
    expect((await release(orderId)).status).toBe(200)
    const answer = await reserve(orderId, [id, 1])
    expect([answer.status, answer.body.code]).toEqual([409, 'reservation_released'])
    expect(await inventory.level(id)).toEqual({ onHand: 100, reserved: 0 })
  })

  test('reserved and released at the same moment ends released, with nothing left over', async () => {
    const { id } = await inventory.createProduct()
    for (let round = 0; round < 25; round += 1) {
      const orderId = newId()
      const answers = await Promise.all([
        reserve(orderId, [id, 7]),
        release(orderId),
        reserve(orderId, [id, 7]),
      ])
      for (const { status } of answers) expect([200, 409]).toContain(status)
      const [row] = await inventory.db.query('select status from reservations where order_id = $1', [orderId])
      expect(row).toEqual({ status: 'released' })
    }
    expect(await inventory.level(id)).toEqual({ onHand: 100, reserved: 0 })
    const [{ deadlocks } = { deadlocks: -1 }] = await inventory.db.query<{ deadlocks: number }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    )
    expect(deadlocks).toBe(0)
  })

  test('that leaves the shop takes its plants along once, and can no longer be released', async () => {
    const { id } = await inventory.createProduct()
    const orderId = newId()
    await reserve(orderId, [id, 4])
    const eventId = newId()
    expect((await leave(orderId, eventId)).status).toBe(204)
    expect((await leave(orderId, eventId)).status).toBe(204)
    expect((await leave(orderId)).status).toBe(204)
    expect(await inventory.level(id)).toEqual({ onHand: 96, reserved: 0 })
    expect((await movementsOf(id)).at(-1)).toEqual(['shipped', -4, -4])
    const answer = await release(orderId)
    expect([answer.status, answer.body.code]).toEqual([409, 'reservation_shipped'])
    expect((await reserve(orderId, [id, 4])).body).toEqual({ status: 'shipped' })
  })

  test('that leaves without a reservation is an error that stays visible', async () => {
    const orderId = newId()
    const answer = await leave(orderId)
    expect([answer.status, answer.body.code]).toEqual([409, 'reservation_not_held'])
  })
})

test('the internal calls are for our own services', async () => {
  const answer = await inventory.call('POST', '/internal/products/lookup', {
    body: { productIds: [newId()] },
  })
  expect(answer.status).toBe(401)
})

test('the lookup gives what checkout needs, withdrawn products included, unknown ones absent', async () => {
  const [sold, withdrawn] = [await inventory.createProduct(), await inventory.createProduct()]
  await inventory.change(withdrawn.id, { withdrawn: true })
  const { body } = await inventory.internal('/products/lookup', {
    productIds: [sold.id, withdrawn.id, newId()],
  })
  const byId = new Map(body.products.map((product: { id: string }) => [product.id, product]))
  expect(byId.size).toBe(2)
  expect(byId.get(sold.id)).toEqual({
    id: sold.id,
    sku: sold.sku,
    name: 'Swiss Cheese Plant',
    priceCents: 3_500,
    currency: 'USD',
    weightGrams: 3_000,
    volumeMilliliters: 12_000,
    withdrawn: false,
  })
  expect(byId.get(withdrawn.id)).toMatchObject({ withdrawn: true })
})

test('the role of the service can add movements, and neither change nor remove them', async () => {
  await expect(inventory.db.query('update stock_movements set on_hand_delta = 1')).rejects.toThrow(
    /permission/,
  )
  await expect(inventory.db.query('delete from stock_movements')).rejects.toThrow(/permission/)
})
