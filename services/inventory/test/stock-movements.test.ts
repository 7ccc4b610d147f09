import { newId } from '@urbanbloom/service-kit/ids'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InventoryUnderTest, startInventory } from './start-inventory.ts'

let inventory: InventoryUnderTest
beforeAll(async () => void (inventory = await startInventory()))
afterAll(() => inventory.close())

const ORDERS = 6
const PRODUCTS = 3

const step = fc.oneof(
  fc.record({
    kind: fc.constant('reserve' as const),
    order: fc.nat(ORDERS - 1),
    lines: fc.uniqueArray(fc.tuple(fc.nat(PRODUCTS - 1), fc.integer({ min: 1, max: 6 })), {
      selector: ([product]) => product,
      minLength: 1,
      maxLength: PRODUCTS,
    }),
  }),
  fc.record({ kind: fc.constant('release' as const), order: fc.nat(ORDERS - 1) }),
  fc.record({ kind: fc.constant('ship' as const), order: fc.nat(ORDERS - 1) }),
  fc.record({
    kind: fc.constant('adjust' as const),
    product: fc.nat(PRODUCTS - 1),
    delta: fc.integer({ min: -8, max: 8 }).filter((delta) => delta !== 0),
  }),
)

test('whatever happens at once: movements sum to the levels, lines to what is reserved, nothing is oversold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const products: string[] = []
      for (let n = 0; n < PRODUCTS; n += 1) {
        products.push((await inventory.createProduct({ initialQuantity: 10 })).id)
      }
      const orders = Array.from({ length: ORDERS }, () => newId())
      const answers = await Promise.all(steps.map((one) => perform(one, { products, orders })))
      for (const { status } of answers) expect([200, 201, 204, 409]).toContain(status)
      await expectBalanced(products)
    }),
    { numRuns: 30 },
  )
})

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function perform(one: Step, { products, orders }: { products: string[]; orders: string[] }) {
  switch (one.kind) {
    case 'reserve':
      return inventory.internal('/reservations', {
        orderId: orders[one.order],
        lines: one.lines.map(([product, quantity]) => ({ productId: products[product], quantity })),
      })
    case 'release':
      return inventory.internal(`/reservations/${orders[one.order]}/release`, {})
    case 'ship':
      return inventory.internal('/events', {
        id: newId(),
        type: 'delivery.out_for_delivery',
        occurredAt: new Date().toISOString(),
        data: { orderId: orders[one.order], sequence: 1 },
      })
    case 'adjust':
      return inventory.adjust(products[one.product] ?? '', { delta: one.delta, reason: 'counted' })
  }
}

async function expectBalanced(products: string[]): Promise<void> {
  const rows = await inventory.db.query<Record<string, number>>(
    `select s.on_hand, s.reserved,
       (select coalesce(sum(on_hand_delta), 0) from stock_movements m where m.product_id = s.product_id) as moved,
       (select coalesce(sum(reserved_delta), 0) from stock_movements m where m.product_id = s.product_id) as moved_reserved,
       (select coalesce(sum(quantity), 0) from reservation_lines l join reservations r using (order_id)
        where l.product_id = s.product_id and r.status = 'held') as held
     from stock_levels s where s.product_id = any($1::uuid[])`,
    [products],
  )
  expect(rows).toHaveLength(products.length)
  for (const row of rows) {
    expect(row.on_hand).toBe(row.moved)
    expect(row.reserved).toBe(row.moved_reserved)
    expect(row.reserved).toBe(row.held)
    expect(row.on_hand).toBeGreaterThanOrEqual(row.reserved ?? 0)
    expect(row.reserved).toBeGreaterThanOrEqual(0)
  }
}
