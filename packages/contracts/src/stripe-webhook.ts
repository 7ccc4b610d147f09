/**
 * The events that our webhook endpoint is subscribed to at Stripe, here and in production. Each authorization also
 * makes `payment_intent.created` and others, which would double the traffic and tell nothing.
 */
export const webhookEvents = [
  'payment_intent.requires_action',
  'payment_intent.amount_capturable_updated',
  'payment_intent.payment_failed',
  'payment_intent.succeeded',
  'payment_intent.canceled',
  'refund.created',
  'refund.updated',
  'refund.failed',
] as const
