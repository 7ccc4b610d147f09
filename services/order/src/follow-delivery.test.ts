import fc from 'fast-check'
import { expect, it } from 'vitest'
import { missingItems } from './follow-delivery.ts'
import type { OrderLine } from './order.ts'

const line = (productId: string, quantity: number): OrderLine => ({
  productId,
  quantity,
  sku: productId,
  name: productId,
  unitPriceCents: 1_000,
  totalCents: quantity * 1_000,
})
const missing = (items: { productId: string; quantity: number }[], parcels = 1) =>
  missingItems({ lines: [line('fern', 3), line('palm', 1)] }, { parcels, reason: 'damaged', items })

it('is what the driver named, as far as it was ordered', () => {
  expect(missing([{ productId: 'fern', quantity: 2 }])).toEqual([{ productId: 'fern', quantity: 2 }])
  expect(missing([{ productId: 'fern', quantity: 9 }])).toEqual([{ productId: 'fern', quantity: 3 }])
  expect(missing([{ productId: 'rose', quantity: 1 }])).toEqual([])
})

it('is clear from the number of parcels where all plants are of one kind, and only there', () => {
  const one = { lines: [line('fern', 3)] }
  expect(missingItems(one, { parcels: 2, reason: 'x', items: [] })).toEqual([
    { productId: 'fern', quantity: 2 },
  ])
  expect(missing([], 2)).toEqual([])
})

it('is never more than was ordered, and names each product once', () => {
  const said = fc.record({
    productId: fc.constantFrom('fern', 'palm', 'rose'),
    quantity: fc.integer({ min: 1, max: 9 }),
  })
  fc.assert(
    fc.property(fc.array(said, { maxLength: 6 }), (items) => {
      const found = missing(items)
      expect(new Set(found.map(({ productId }) => productId)).size).toBe(found.length)
      for (const { productId, quantity } of found) {
        expect(quantity).toBeLessThanOrEqual({ fern: 3, palm: 1 }[productId] ?? 0)
      }
    }),
  )
})
