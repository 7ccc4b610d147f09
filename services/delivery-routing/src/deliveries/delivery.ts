import type { Address } from '@urbanbloom/contracts/address'

export type DeliveryStatus =
  | 'held'
  | 'confirmed'
  | 'planned'
  | 'loaded'
  | 'arrived'
  | 'delivered'
  | 'failed'
  | 'released'

/** While it is in one of these, nothing of the order is on a van. */
export const releasableStatuses: readonly DeliveryStatus[] = ['held', 'confirmed', 'planned']

/** What a plan needs to know about a delivery. */
export type DeliveryToPlan = {
  orderId: string
  weightGrams: number
  volumeMilliliters: number
  address: Address
  windowStart: Date
  windowEnd: Date
}
