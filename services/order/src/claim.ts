import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import type { ClaimPhoto } from './claim-photo-store.ts'
import type { Order } from './order.ts'

export const claimStatuses = [
  'open',
  'resolving',
  'refunded',
  'redelivering',
  'redelivered',
  'rejected',
  'withdrawn',
] as const
export type ClaimStatus = (typeof claimStatuses)[number]

/** Who says that something is damaged or missing. */
export const claimOrigins = ['customer', 'driver'] as const

export type ClaimItem = { productId: string; quantity: number }

export type Claim = {
  id: string
  orderId: string
  customerId: string
  origin: (typeof claimOrigins)[number]
  reason: string
  /** Empty where a driver did not say which plants are missing. */
  items: ClaimItem[]
  photos: string[]
  status: ClaimStatus
  amountCents: number | null
  refundAttempt: number
  /** The order that makes it good; null where there is none. */
  replacementOrderId: string | null
  createdAt: Date
  resolvedAt: Date | null
}

/** Refuses a claim for plants that were not delivered or not ordered. */
export function assertClaimable(order: Order, items: readonly ClaimItem[]): void {
  if (order.status !== 'delivered') {
    throw conflict(
      'order_not_delivered',
      `The order ${order.number} is ${order.status.replaceAll('_', ' ')}; claims follow a delivery`,
    )
  }
  for (const { productId, quantity } of items) {
    const ordered = order.lines.find((line) => line.productId === productId)?.quantity ?? 0
    if (quantity <= ordered) continue
    throw unprocessable(
      'claim_exceeds_order',
      `The order has ${ordered} pieces of ${productId}, not ${quantity}`,
      {
        extra: { productId, orderedQuantity: ordered },
      },
    )
  }
}

/** Each plant is claimed once; a claim that was rejected or withdrawn does not count. */
export function claimedAlready({ number }: Order) {
  return conflict(
    'plants_claimed_already',
    `Other claims on the order ${number} are about the same plants; see GET /v1/orders/{id}/claims`,
  )
}

/** What the claimed plants cost, with the tax that was paid on them; the delivery fee stays. */
export function refundFor(order: Order, items: readonly ClaimItem[]): number {
  const goodsCents = items.reduce((sum, { productId, quantity }) => {
    const line = order.lines.find((candidate) => candidate.productId === productId)
    return sum + quantity * (line?.unitPriceCents ?? 0)
  }, 0)
  const taxable = order.subtotalCents + order.deliveryFeeCents
  return taxable === 0 ? 0 : goodsCents + Math.floor((order.taxCents * goodsCents) / taxable)
}

export function toPublicClaim(claim: Claim, uploads: readonly ClaimPhoto[]) {
  const { id, orderId, origin, reason, items, photos, status } = claim
  return {
    id,
    orderId,
    origin,
    reason,
    items,
    photos,
    uploads: uploads.map(({ id: photoId, contentType, sizeBytes }) => ({
      id: photoId,
      contentType,
      sizeBytes,
    })),
    status,
    amountCents: claim.amountCents ?? undefined,
    replacementOrderId: claim.replacementOrderId ?? undefined,
    createdAt: claim.createdAt.toISOString(),
    resolvedAt: claim.resolvedAt?.toISOString(),
  }
}
