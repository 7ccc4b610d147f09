import * as z from 'zod'
import { Address } from './address.ts'
import { Transport } from './transport.ts'

const orderId = z.uuid()

/**
 * Counts the changes of one delivery, from 1. `order` keeps the highest it has seen, so that events which arrive
 * out of order or late change nothing.
 */
const sequence = z.int().min(1)

/** What each event carries. Members are added, never changed in meaning. */
export const eventData = {
  'order.confirmed': z.object({
    orderId,
    number: z.string(),
    customerId: z.uuid(),
    windowId: z.uuid(),
    weightGrams: z.int(),
    volumeMilliliters: z.int(),
    /** What the plants cost, before fees and tax. */
    valueCents: z.int().min(0).optional(),
    parcels: z.int(),
    address: Address,
    transport: Transport.optional(),
  }),
  'payment.updated': z.object({ orderId, paymentId: z.uuid(), status: z.string() }),
  'delivery.scheduled': z.object({ orderId, sequence, plannedArrival: z.iso.datetime() }),
  'delivery.unscheduled': z.object({ orderId, sequence }),
  'delivery.out_for_delivery': z.object({ orderId, sequence }),
  'delivery.delivered': z.object({
    orderId,
    sequence,
    deliveredAt: z.iso.datetime(),
    /** What did not change hands where the rest did; it comes back to the hub. */
    undelivered: z
      .object({
        parcels: z.int().min(1),
        reason: z.string(),
        items: z.array(z.object({ productId: z.uuid(), quantity: z.int().min(1) })),
      })
      .optional(),
  }),
  'delivery.failed': z.object({ orderId, sequence, reason: z.string() }),
  /** It failed and gets no further try; its parcels come back to the hub. */
  'delivery.given_up': z.object({ orderId, sequence }),
  /** A delivery that failed, or whose van broke down, gets another try: in this window, and from the van at once or not. */
  'delivery.rescheduled': z.object({
    orderId,
    sequence,
    window: z.object({ id: z.uuid(), start: z.iso.datetime(), end: z.iso.datetime() }),
    outForDelivery: z.boolean(),
  }),
  /** The plants are at the hub again and go back into stock: all of the order's, or those in `lines`. */
  'delivery.returned': z.object({
    orderId,
    sequence,
    lines: z.array(z.object({ productId: z.uuid(), quantity: z.int().min(1) })).optional(),
  }),
} as const

export type EventType = keyof typeof eventData
export type EventData<Type extends EventType> = z.infer<(typeof eventData)[Type]>

/** Who is told of what, by the name of the service. */
export const subscribersOf: Record<EventType, readonly string[]> = {
  'order.confirmed': ['delivery-routing'],
  'payment.updated': ['order'],
  'delivery.scheduled': ['order'],
  'delivery.unscheduled': ['order'],
  'delivery.out_for_delivery': ['order', 'inventory'],
  'delivery.delivered': ['order'],
  'delivery.failed': ['order'],
  'delivery.given_up': ['order'],
  'delivery.rescheduled': ['order'],
  'delivery.returned': ['inventory'],
}

const variants = Object.entries(eventData).map(([type, data]) =>
  z.object({ id: z.uuid(), type: z.literal(type as EventType), occurredAt: z.iso.datetime(), data }),
)

/** An event on its way: the id makes it apply once. */
export const Event = z.discriminatedUnion('type', variants as [(typeof variants)[0], ...typeof variants])

export type Event = z.infer<typeof Event>
