import { DeliveryAnswer, type WindowLookup, WindowLookupAnswer } from '@urbanbloom/contracts/delivery'
import { ProductLookupAnswer, ReservationAnswer } from '@urbanbloom/contracts/inventory'
import { PaymentAnswer, RefundAnswer } from '@urbanbloom/contracts/payment'
import type { Peer } from '@urbanbloom/service-kit/http-client'
import type * as z from 'zod'
import type { NewOrder } from './order.ts'

const LOOKUP_MS = 5_000
const HOLD_MS = 5_000
/** The provider may take its time; longer than the deadline that `payment` grants it. */
const AUTHORIZE_MS = 9_000
const RELEASE_MS = 5_000

export type Participants = ReturnType<typeof createParticipants>

/** The other services as the saga sees them. Every call is idempotent by the order's id. */
export function createParticipants(peers: { inventory: Peer; deliveryRouting: Peer; payment: Peer }) {
  const { inventory, deliveryRouting, payment } = peers
  return {
    async lookUpProducts(productIds: string[]) {
      const answer = await inventory.post('/internal/products/lookup', { productIds }, ProductLookupAnswer, {
        timeoutMs: LOOKUP_MS,
      })
      return answer.products
    },
    lookUpWindow: (place: z.infer<typeof WindowLookup>) =>
      deliveryRouting.post('/internal/windows/lookup', place, WindowLookupAnswer, { timeoutMs: LOOKUP_MS }),

    reserveStock: (order: NewOrder) =>
      inventory.post(
        '/internal/reservations',
        { orderId: order.id, lines: order.lines.map(({ productId, quantity }) => ({ productId, quantity })) },
        ReservationAnswer,
        { timeoutMs: HOLD_MS },
      ),
    releaseStock: (orderId: string) =>
      inventory.post(`/internal/reservations/${orderId}/release`, {}, ReservationAnswer, {
        timeoutMs: RELEASE_MS,
      }),

    holdDelivery: ({ id, customerId, windowId, weightGrams, volumeMilliliters }: NewOrder) =>
      deliveryRouting.post(
        '/internal/deliveries',
        { orderId: id, customerId, windowId, weightGrams, volumeMilliliters },
        DeliveryAnswer,
        { timeoutMs: HOLD_MS },
      ),
    releaseDelivery: (orderId: string) =>
      deliveryRouting.post(`/internal/deliveries/${orderId}/release`, {}, DeliveryAnswer, {
        timeoutMs: RELEASE_MS,
      }),

    authorizePayment: (order: NewOrder, token: string) =>
      payment.post(
        '/internal/payments',
        {
          orderId: order.id,
          customerId: order.customerId,
          amountCents: order.totalCents,
          currency: order.currency,
          token,
          split: {
            goodsCents: order.subtotalCents,
            deliveryCents: order.deliveryFeeCents,
            taxCents: order.taxCents,
          },
        },
        PaymentAnswer,
        { timeoutMs: AUTHORIZE_MS },
      ),
    refreshPayment: (orderId: string) =>
      payment.post(`/internal/payments/${orderId}/refresh`, {}, PaymentAnswer, { timeoutMs: AUTHORIZE_MS }),
    capturePayment: (orderId: string) =>
      payment.post(`/internal/payments/${orderId}/capture`, {}, PaymentAnswer, { timeoutMs: AUTHORIZE_MS }),
    voidPayment: (orderId: string) =>
      payment.post(`/internal/payments/${orderId}/void`, {}, PaymentAnswer, { timeoutMs: AUTHORIZE_MS }),
    actOnPayment: (orderId: string, outcome: 'approve' | 'decline') =>
      payment.post(`/internal/payments/${orderId}/action`, { outcome }, PaymentAnswer, {
        timeoutMs: AUTHORIZE_MS,
      }),
    refundPayment: (
      orderId: string,
      refund: { amountCents: number; reason: string; idempotencyKey: string },
    ) =>
      payment.post(`/internal/payments/${orderId}/refunds`, refund, RefundAnswer, {
        timeoutMs: AUTHORIZE_MS,
      }),
  }
}
