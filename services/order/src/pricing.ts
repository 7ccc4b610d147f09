import type { ProductLookupAnswer } from '@urbanbloom/contracts/inventory'
import type { Transport } from '@urbanbloom/contracts/transport'
import { unprocessable } from '@urbanbloom/service-kit/errors'
import type * as z from 'zod'
import type { OrderLine, Totals } from './order.ts'

export type PricedProduct = z.infer<typeof ProductLookupAnswer>['products'][number]
type Item = { productId: string; quantity: number }

/**
 * The lines of an order at the catalog's prices, in the customer's order.
 * @throws 422 `product_unavailable` that names the first product which is unknown or withdrawn.
 */
export function priceLines(items: readonly Item[], products: readonly PricedProduct[]): OrderLine[] {
  const byId = new Map(products.map((product) => [product.id, product]))
  return items.map(({ productId, quantity }) => {
    const product = byId.get(productId)
    if (product === undefined || product.withdrawn) {
      const why = product === undefined ? 'is not in the catalog' : 'is no longer sold'
      throw unprocessable('product_unavailable', `The product ${productId} ${why}`, { extra: { productId } })
    }
    const { sku, name, priceCents } = product
    return { productId, sku, name, quantity, unitPriceCents: priceCents, totalCents: priceCents * quantity }
  })
}

/** Tax is due on goods and delivery, rounded half up to the cent once for the whole order. */
export function totalsOf(
  lines: readonly OrderLine[],
  deliveryFeeCents: number,
  taxBasisPoints: number,
): Totals {
  const subtotalCents = lines.reduce((sum, line) => sum + line.totalCents, 0)
  const taxable = subtotalCents + deliveryFeeCents
  // Integers all the way: half of 10,000 is added before dividing.
  const taxCents = Math.floor((taxable * taxBasisPoints + 5_000) / 10_000)
  return { currency: 'USD', subtotalCents, deliveryFeeCents, taxCents, totalCents: taxable + taxCents }
}

/** What the whole order weighs, takes up and needs in the van. */
export function loadOf(items: readonly Item[], products: readonly PricedProduct[]) {
  const byId = new Map(products.map((product) => [product.id, product]))
  let weightGrams = 0
  let volumeMilliliters = 0
  for (const { productId, quantity } of items) {
    weightGrams += quantity * (byId.get(productId)?.weightGrams ?? 0)
    volumeMilliliters += quantity * (byId.get(productId)?.volumeMilliliters ?? 0)
  }
  return {
    weightGrams,
    volumeMilliliters,
    transport: transportOf(items.map(({ productId }) => byId.get(productId)?.transport)),
  }
}

/** What a van must heed that carries all of these: what one of them needs, all need. */
export function transportOf(each: readonly (Transport | undefined)[]): Transport {
  const given = each.filter((transport) => transport !== undefined)
  const limits = given.map(({ maxVanMinutes }) => maxVanMinutes).filter((minutes) => minutes !== undefined)
  const flags = (['fragile', 'upright', 'frostSensitive', 'heatSensitive'] as const).filter((flag) =>
    given.some((transport) => transport[flag] === true),
  )
  return {
    ...Object.fromEntries(flags.map((flag) => [flag, true])),
    ...(limits.length === 0 ? {} : { maxVanMinutes: Math.min(...limits) }),
  }
}
