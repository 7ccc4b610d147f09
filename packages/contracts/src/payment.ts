import * as z from 'zod'

export const paymentStatuses = [
  'processing',
  'requires_action',
  'authorized',
  'declined',
  'captured',
  'partially_refunded',
  'refunded',
  'voided',
] as const

/** `payment`'s internal calls, as `order` makes them. */
export const AuthorizePayment = z.strictObject({
  orderId: z.uuid(),
  customerId: z.uuid(),
  amountCents: z.int().min(1).max(10_000_000),
  currency: z.literal('USD'),
  token: z.string().min(1).max(200),
  /** How the amount is booked; the three sum to it. */
  split: z.strictObject({
    goodsCents: z.int().min(0),
    deliveryCents: z.int().min(0),
    taxCents: z.int().min(0),
  }),
})

export const NextAction = z.object({
  type: z.string(),
  clientSecret: z.string().optional(),
  url: z.string().optional(),
})

export const PaymentAnswer = z.object({
  id: z.uuid(),
  orderId: z.uuid(),
  status: z.enum(paymentStatuses),
  amountCents: z.int(),
  currency: z.string(),
  nextAction: NextAction.optional(),
  declineCode: z.string().optional(),
})

export type PaymentAnswer = z.infer<typeof PaymentAnswer>

export const PaymentActionOutcome = z.strictObject({ outcome: z.enum(['approve', 'decline']) })

export const RefundPayment = z.strictObject({
  amountCents: z.int().min(1),
  reason: z.string().min(1).max(200),
  idempotencyKey: z.string().min(1).max(255),
})

export const RefundAnswer = z.object({ id: z.uuid(), status: z.string(), amountCents: z.int() })
