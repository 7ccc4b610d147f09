import * as z from 'zod'
import { Transport } from './transport.ts'

/** `inventory`'s internal calls, as `order` makes them. */
export const ProductLookup = z.strictObject({ productIds: z.array(z.uuid()).min(1).max(100) })

export const ProductLookupAnswer = z.object({
  products: z.array(
    z.object({
      id: z.uuid(),
      sku: z.string(),
      name: z.string(),
      priceCents: z.int(),
      currency: z.string(),
      weightGrams: z.int(),
      volumeMilliliters: z.int(),
      withdrawn: z.boolean(),
      transport: Transport.optional(),
    }),
  ),
})

export const ReserveStock = z.strictObject({
  orderId: z.uuid(),
  lines: z
    .array(z.strictObject({ productId: z.uuid(), quantity: z.int().min(1).max(1000) }))
    .min(1)
    .max(100),
})

export const ReservationAnswer = z.object({ status: z.enum(['held', 'released', 'shipped', 'returned']) })

/** What `order` answers to a participant that wonders whether an expired hold may go. */
export const OrderOutcomes = z.strictObject({ orderIds: z.array(z.uuid()).min(1).max(200) })

export const OrderOutcomesAnswer = z.object({
  outcomes: z.array(z.object({ orderId: z.uuid(), outcome: z.enum(['open', 'ended', 'unknown']) })),
})
