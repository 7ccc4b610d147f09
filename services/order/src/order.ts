import type { Address } from '@urbanbloom/contracts/address'
import type { PaymentAnswer } from '@urbanbloom/contracts/payment'
import type { Transport } from '@urbanbloom/contracts/transport'
import { type ErrorKind, ServiceError } from '@urbanbloom/service-kit/errors'

export type OrderStatus =
  | 'pending'
  | 'payment_action_required'
  | 'confirmed'
  | 'scheduled'
  | 'out_for_delivery'
  | 'delivered'
  | 'rejected'
  | 'cancelled'
  | 'delivery_failed'

/** What is left to do for an order; null when nothing is. */
export type SagaStep = 'placing' | 'awaiting_payment' | 'cancelling' | 'unwinding'

/** Why an order was rejected, kept so that the answer can be given again. */
export type Rejection = { kind: ErrorKind; code: string; detail: string; extra: Record<string, unknown> }

export type OrderLine = {
  productId: string
  sku: string
  name: string
  quantity: number
  unitPriceCents: number
  totalCents: number
}

/** What a driver did not hand over where the rest changed hands, as the driver said. */
export type Undelivered = {
  parcels: number
  reason: string
  items: { productId: string; quantity: number }[]
}

export type Totals = {
  currency: 'USD'
  subtotalCents: number
  deliveryFeeCents: number
  taxCents: number
  totalCents: number
}

/** An order that is about to be placed: priced, with its window, not yet written. */
export type NewOrder = Totals & {
  id: string
  customerId: string
  lines: OrderLine[]
  windowId: string
  windowStart: string
  windowEnd: string
  weightGrams: number
  volumeMilliliters: number
  transport: Transport
  address: Address
  giftMessage: string | null
}

export type Order = NewOrder & {
  number: string
  status: OrderStatus
  sagaStep: SagaStep | null
  actionDeadline: Date | null
  paymentTried: boolean
  paymentId: string | null
  paymentStatus: PaymentAnswer['status'] | null
  nextAction: PaymentAnswer['nextAction'] | null
  rejection: Rejection | null
  /** The claim that it makes good, for nothing; null where it was bought. */
  replacesClaimId: string | null
  placedAt: Date
  cancelledAt: Date | null
  deliveredAt: Date | null
  undelivered: Undelivered | null
}

/** How many plants travel; each is a parcel of its own. */
export function parcelsOf(order: Pick<NewOrder, 'lines'>): number {
  return order.lines.reduce((sum, line) => sum + line.quantity, 0)
}

/** The order as customers and ops see it. */
export function toPublicOrder(order: Order) {
  return {
    id: order.id,
    number: order.number,
    status: order.status,
    placedAt: order.placedAt.toISOString(),
    currency: order.currency,
    lines: order.lines.map(({ productId, name, quantity, unitPriceCents, totalCents }) => ({
      productId,
      name,
      quantity,
      unitPriceCents,
      totalCents,
    })),
    subtotalCents: order.subtotalCents,
    deliveryFeeCents: order.deliveryFeeCents,
    taxCents: order.taxCents,
    totalCents: order.totalCents,
    deliveryWindow: { start: order.windowStart, end: order.windowEnd },
    address: order.address,
    giftMessage: order.giftMessage ?? undefined,
    payment:
      order.paymentId === null
        ? undefined
        : { id: order.paymentId, status: order.paymentStatus ?? 'processing' },
    rejection:
      order.rejection === null
        ? undefined
        : { ...order.rejection.extra, code: order.rejection.code, detail: order.rejection.detail },
    replacesClaimId: order.replacesClaimId ?? undefined,
    cancelledAt: order.cancelledAt?.toISOString(),
    deliveredAt: order.deliveredAt?.toISOString(),
    undelivered: order.undelivered ?? undefined,
  }
}

export function rejectionFrom(error: ServiceError): Rejection {
  return { kind: error.kind, code: error.code, detail: error.message, extra: error.extra }
}

export function errorFrom({ kind, code, detail, extra }: Rejection): ServiceError {
  return new ServiceError(kind, code, detail, { extra })
}
