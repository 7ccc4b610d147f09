import type { Stripe } from 'stripe'
import * as z from 'zod'
import type { ProviderEvent } from './payment-provider.ts'
import { toFact, toRefundFact } from './stripe-facts.ts'

/** What we read of a webhook; a signature says who sent it, not what is in it. */
const Event = z.object({
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(255),
  data: z.object({ object: z.unknown() }).optional(),
})
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
const OurIntent = z.object({ metadata: z.object({ payment_id: uuid }) })
const OurRefund = z.object({ metadata: z.object({ refund_id: uuid }) })

const Intent = z.object({
  id: z.string().min(1).max(255),
  status: z.string(),
  amount_received: z.int().nonnegative(),
  client_secret: z.string().nullish(),
  last_payment_error: z.object({ code: z.string().nullish(), decline_code: z.string().nullish() }).nullish(),
  next_action: z
    .object({ type: z.string(), redirect_to_url: z.object({ url: z.string().nullish() }).nullish() })
    .nullish(),
})
const Refund = z.object({
  id: z.string().min(1).max(255),
  status: z.string().nullish(),
  failure_reason: z.string().nullish(),
})

const intentTypes = new Set([
  'payment_intent.requires_action',
  'payment_intent.amount_capturable_updated',
  'payment_intent.payment_failed',
  'payment_intent.succeeded',
  'payment_intent.canceled',
])
const refundTypes = new Set(['refund.created', 'refund.updated', 'refund.failed'])

/** Reads the body of a webhook; null when it is not an event, or misses what one of ours must say. */
export function readEvent(body: string): ProviderEvent | null {
  const event = Event.safeParse(parseJson(body))
  if (!event.success) return null
  const { id, type, data } = event.data
  const subject = subjectOf(type, data?.object)
  return subject === null ? null : { id, type, subject }
}

/** Objects without our id were not made by us; they and all other types of events concern nobody here. */
function subjectOf(type: string, object: unknown): ProviderEvent['subject'] | null {
  if (intentTypes.has(type)) {
    const ours = OurIntent.safeParse(object)
    if (!ours.success) return { kind: 'other' }
    const intent = Intent.safeParse(object)
    if (!intent.success) return null
    const fact = toFact(intent.data as Stripe.PaymentIntent)
    return { kind: 'payment', paymentId: ours.data.metadata.payment_id, fact }
  }
  if (refundTypes.has(type)) {
    const ours = OurRefund.safeParse(object)
    if (!ours.success) return { kind: 'other' }
    const refund = Refund.safeParse(object)
    if (!refund.success) return null
    const fact = toRefundFact(refund.data as Stripe.Refund)
    return { kind: 'refund', refundId: ours.data.metadata.refund_id, fact }
  }
  return { kind: 'other' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
