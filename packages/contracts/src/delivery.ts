import * as z from 'zod'
import { Transport } from './transport.ts'

/** What an order weighs, takes up and needs in the van. */
export const OrderLoad = z.strictObject({
  weightGrams: z.int().min(0),
  volumeMilliliters: z.int().min(0),
  transport: Transport,
})

export type OrderLoad = z.infer<typeof OrderLoad>

/** `delivery-routing`'s internal calls, as `order` makes them. Without a load, one of usual size is meant. */
export const WindowLookup = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  start: z.iso.datetime({ offset: true }).optional(),
  end: z.iso.datetime({ offset: true }).optional(),
  load: OrderLoad.optional(),
})

export const WindowLookupAnswer = z.object({
  hubId: z.uuid(),
  baseFeeCents: z.int(),
  window: z
    .object({ id: z.uuid(), start: z.string(), end: z.string(), feeCents: z.int(), available: z.boolean() })
    .optional(),
})

export const HoldDelivery = z.strictObject({
  orderId: z.uuid(),
  customerId: z.uuid(),
  windowId: z.uuid(),
  weightGrams: z.int().min(0),
  volumeMilliliters: z.int().min(0),
})

export const DeliveryAnswer = z.object({ status: z.string() })
