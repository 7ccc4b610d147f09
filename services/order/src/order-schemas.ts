import { Address } from '@urbanbloom/contracts/address'
import { NextAction } from '@urbanbloom/contracts/payment'
import * as z from 'zod'

const MAX_LINES = 50
const MAX_QUANTITY = 100

/** Pieces of products, each product at most once; ids are compared in lower case. */
export const Items = z
  .array(
    z.strictObject({
      productId: z.uuid().toLowerCase(),
      quantity: z.int().min(1).max(MAX_QUANTITY).describe(`1 to ${MAX_QUANTITY} pieces`),
    }),
  )
  .min(1)
  .max(MAX_LINES)
  .superRefine((items, context) => {
    items.forEach(({ productId }, index) => {
      const first = items.findIndex((other) => other.productId === productId)
      if (first === index) return
      const message = `the same product is already on line ${first + 1}; put the whole quantity there`
      context.addIssue({ code: 'custom', path: [index, 'productId'], message })
    })
  })
  .describe('Each product at most once')

export const DeliveryWindow = z.strictObject({
  start: z.iso.datetime({ offset: true }),
  end: z.iso.datetime({ offset: true }),
})

const cents = z.int().min(0)

export const QuoteBody = z.strictObject({
  items: Items,
  address: Address.partial().required({ latitude: true, longitude: true }),
  deliveryWindow: DeliveryWindow.optional().describe('One that GET /v1/delivery-windows answered'),
})

const Line = z.object({
  productId: z.string(),
  name: z.string(),
  quantity: z.int(),
  unitPriceCents: cents,
  totalCents: cents,
})

const totals = { subtotalCents: cents, deliveryFeeCents: cents, taxCents: cents, totalCents: cents }

export const Quote = z.object({ currency: z.string(), lines: z.array(Line), ...totals })

export const CheckoutBody = z.strictObject({
  items: Items,
  address: Address,
  deliveryWindow: DeliveryWindow.describe('One that GET /v1/delivery-windows answered'),
  payment: z.strictObject({
    method: z.literal('card'),
    token: z.string().min(1).max(200).describe('A token from the card provider; card numbers never reach us'),
  }),
  giftMessage: z.string().trim().max(500).optional(),
  expectedTotalCents: cents
    .optional()
    .describe('Refuse with 409 price_changed when the total differs from this'),
})

export type CheckoutBody = z.infer<typeof CheckoutBody>

export const PublicOrder = z
  .object({
    id: z.string(),
    number: z.string(),
    status: z.enum([
      'pending',
      'payment_action_required',
      'confirmed',
      'scheduled',
      'out_for_delivery',
      'delivered',
      'rejected',
      'cancelled',
      'delivery_failed',
    ]),
    placedAt: z.string(),
    currency: z.string(),
    lines: z.array(Line),
    ...totals,
    deliveryWindow: z.object({ start: z.string(), end: z.string() }),
    address: Address,
    giftMessage: z.string().optional(),
    payment: z.object({ id: z.string(), status: z.string() }).optional(),
    rejection: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
    replacesClaimId: z.string().optional().describe('The claim that this order makes good, for nothing'),
    cancelledAt: z.string().optional(),
    deliveredAt: z.string().optional(),
    undelivered: z
      .object({
        parcels: z.int(),
        reason: z.string(),
        items: z.array(z.object({ productId: z.string(), quantity: z.int() })),
      })
      .optional()
      .describe('What did not change hands where the rest did; a claim on it is open'),
  })
  .meta({ id: 'Order', description: 'An order as its customer sees it' })

export const OrderAnswer = z.object({ order: PublicOrder, nextAction: NextAction.optional() })
