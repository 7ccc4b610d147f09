import { conflict } from '@urbanbloom/service-kit/errors'
import type { OrderContext } from './context.ts'
import { loadOf, priceLines, totalsOf } from './pricing.ts'

type QuoteRequest = {
  items: { productId: string; quantity: number }[]
  address: { latitude: number; longitude: number }
  deliveryWindow?: { start: string; end: string }
}

/**
 * Prices an order: the same for a quote and for a checkout, so that they cannot differ.
 * @throws 422 `product_unavailable`, 422 `outside_delivery_area`, 409 `window_unavailable`.
 */
export async function quote(ctx: OrderContext, { items, address, deliveryWindow }: QuoteRequest) {
  const { latitude, longitude } = address
  const products = await ctx.participants.lookUpProducts(items.map(({ productId }) => productId))
  const lines = priceLines(items, products)
  // Whether a van can still come depends on what it would have to carry.
  const load = loadOf(items, products)
  const place = await ctx.participants.lookUpWindow({ latitude, longitude, ...deliveryWindow, load })
  const { window } = place
  if (deliveryWindow !== undefined && window?.available !== true) {
    throw conflict(
      'window_unavailable',
      `The delivery window starting ${deliveryWindow.start} is no longer offered`,
    )
  }
  const totals = totalsOf(lines, window?.feeCents ?? place.baseFeeCents, ctx.config.taxBasisPoints)
  return { lines, ...totals, ...load, window }
}
