import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PricedProduct, priceLines, totalsOf, transportOf } from './pricing.ts'

const fern: PricedProduct = {
  id: '01890000-0000-7000-8000-000000000001',
  sku: 'FERN-1',
  name: 'Boston Fern',
  priceCents: 1_899,
  currency: 'USD',
  weightGrams: 1_200,
  volumeMilliliters: 6_000,
  withdrawn: false,
}

test('a line costs its quantity times the price', () => {
  expect(priceLines([{ productId: fern.id, quantity: 3 }], [fern])).toEqual([
    {
      productId: fern.id,
      sku: 'FERN-1',
      name: 'Boston Fern',
      quantity: 3,
      unitPriceCents: 1_899,
      totalCents: 5_697,
    },
  ])
})

test('an unknown and a withdrawn product are refused by name', () => {
  const items = [{ productId: fern.id, quantity: 1 }]
  const refusal = { code: 'product_unavailable', status: 422, extra: { productId: fern.id } }
  expect(() => priceLines(items, [])).toThrow(expect.objectContaining(refusal))
  expect(() => priceLines(items, [{ ...fern, withdrawn: true }])).toThrow(expect.objectContaining(refusal))
})

test('tax is due on goods and delivery and rounds half up', () => {
  const [line] = priceLines([{ productId: fern.id, quantity: 1 }], [fern])
  expect(totalsOf([line!], 599, 890)).toEqual({
    currency: 'USD',
    subtotalCents: 1_899,
    deliveryFeeCents: 599,
    taxCents: 222, // 2,498 × 8.9 % = 222.322
    totalCents: 2_720,
  })
  expect(totalsOf([{ ...line!, totalCents: 50 }], 0, 100).taxCents).toBe(1) // 0.5 cents round up
  expect(totalsOf([{ ...line!, totalCents: 49 }], 0, 100).taxCents).toBe(0)
})

test('totals are whole cents that add up, whatever is bought', () => {
  const line = fc.record({
    priceCents: fc.integer({ min: 1, max: 100_000 }),
    quantity: fc.integer({ min: 1, max: 100 }),
  })
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: 0, max: 5_000 }),
      (lines, feeCents, basisPoints) => {
        const priced = lines.map(({ priceCents, quantity }) => {
          const product = { ...fern, priceCents }
          return priceLines([{ productId: fern.id, quantity }], [product])[0]!
        })
        const totals = totalsOf(priced, feeCents, basisPoints)
        expect(totals.totalCents).toBe(totals.subtotalCents + totals.deliveryFeeCents + totals.taxCents)
        expect(
          Object.values(totals)
            .filter((value) => typeof value === 'number')
            .every(Number.isSafeInteger),
        ).toBe(true)
        const exact = ((totals.subtotalCents + feeCents) * basisPoints) / 10_000
        expect(Math.abs(totals.taxCents - exact)).toBeLessThanOrEqual(0.5)
      },
    ),
  )
})

test('an order needs in the van what any of its plants needs, within the shortest limit', () => {
  expect(transportOf([undefined, {}])).toEqual({})
  const needs = transportOf([
    { fragile: true, maxVanMinutes: 90 },
    undefined,
    { upright: true, maxVanMinutes: 60 },
  ])
  expect(needs).toEqual({ fragile: true, upright: true, maxVanMinutes: 60 })
})
