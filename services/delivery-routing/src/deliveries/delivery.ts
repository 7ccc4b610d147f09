import type { Address } from '@urbanbloom/contracts/address'
import type { Transport } from '@urbanbloom/contracts/transport'

export type DeliveryStatus =
  | 'held'
  | 'confirmed'
  | 'planned'
  | 'loaded'
  | 'arrived'
  | 'delivered'
  | 'failed'
  | 'returning'
  | 'returned'
  | 'released'

/** While it is in one of these, nothing of the order is on a van, unless it has been on one before. */
export const releasableStatuses: readonly DeliveryStatus[] = ['held', 'confirmed', 'planned']

/** What a plan needs to know about a delivery. */
export type DeliveryToPlan = {
  orderId: string
  weightGrams: number
  volumeMilliliters: number
  parcels: number
  transport: Transport
  address: Address
  windowStart: Date
  windowEnd: Date
  /** The parcels are at the hub from then on; null: they are there. */
  readyAt: Date | null
  /** A dispatcher holds it back from planning. */
  heldBackReason: string | null
}
