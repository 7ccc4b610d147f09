import {
  AuthorizePayment,
  PaymentActionOutcome,
  PaymentAnswer,
  RefundAnswer,
  RefundPayment,
} from '@urbanbloom/contracts/payment'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { needProvider } from './ask-provider.ts'
import { authorizePayment } from './authorize-payment.ts'
import { capturePayment } from './capture-payment.ts'
import type { PaymentContext } from './context.ts'
import { type Payment, toPaymentAnswer } from './payment.ts'
import { ProviderRefused } from './payment-provider.ts'
import { findPaymentOfOrder } from './payment-store.ts'
import { pursuePayment } from './pursue-payment.ts'
import { recordFact } from './record-fact.ts'
import { refundPayment, refuseFailed } from './refund-payment.ts'
import { voidPayment } from './void-payment.ts'

const OfOrder = z.object({ orderId: z.uuid() })
const Nothing = z.strictObject({}).optional()
const answersPayment = { 200: PaymentAnswer }

/** The calls of `order`. Each is safe to repeat. */
export function registerInternalRoutes(app: App, ctx: PaymentContext): void {
  app.post(
    '/internal/payments',
    { schema: { hide: true, body: AuthorizePayment, response: answersPayment } },
    async (request) => toPaymentAnswer(await authorizePayment(ctx, request.body)),
  )
  const ofOrder = { hide: true, params: OfOrder, body: Nothing, response: answersPayment }

  app.post('/internal/payments/:orderId/refresh', { schema: ofOrder }, async (request) =>
    toPaymentAnswer(await pursuePayment(ctx, await paymentOf(ctx, request.params.orderId))),
  )
  app.post('/internal/payments/:orderId/capture', { schema: ofOrder }, async (request) =>
    toPaymentAnswer(await capturePayment(ctx, request.params.orderId)),
  )
  app.post('/internal/payments/:orderId/void', { schema: ofOrder }, async (request) =>
    toPaymentAnswer(await voidPayment(ctx, request.params.orderId)),
  )
  app.post(
    '/internal/payments/:orderId/action',
    { schema: { ...ofOrder, body: PaymentActionOutcome } },
    async (request) => toPaymentAnswer(await act(ctx, request.params.orderId, request.body.outcome)),
  )
  app.post(
    '/internal/payments/:orderId/refunds',
    { schema: { hide: true, params: OfOrder, body: RefundPayment, response: { 200: RefundAnswer } } },
    async (request) => {
      const payment = await paymentOf(ctx, request.params.orderId)
      const { refund } = await refundPayment(ctx, payment.id, {
        ...request.body,
        // Our services and ops choose keys apart from each other.
        idempotencyKey: `order:${request.body.idempotencyKey}`,
        requestedBy: null,
      })
      refuseFailed(refund)
      return { id: refund.id, status: refund.status, amountCents: refund.amountCents }
    },
  )
}

async function paymentOf(ctx: PaymentContext, orderId: string): Promise<Payment> {
  const payment = await findPaymentOfOrder(ctx.db, orderId)
  if (payment === null) throw notFound('payment_not_found', `There is no payment of order ${orderId}`)
  return payment
}

/** The customer's step at the bank, which only the sandbox lets us take. */
async function act(ctx: PaymentContext, orderId: string, outcome: 'approve' | 'decline'): Promise<Payment> {
  const { act: actAtProvider } = ctx.provider
  if (actAtProvider === null) {
    throw notFound('sandbox_only', 'The payment provider is not the sandbox; the customer acts at the bank')
  }
  const payment = await paymentOf(ctx, orderId)
  const intentId = payment.providerIntentId
  if (intentId === null || payment.status === 'processing') {
    throw conflict(
      'payment_action_not_required',
      `The payment is ${payment.status}; there is nothing to approve`,
    )
  }
  try {
    const fact = await needProvider(() => actAtProvider(intentId, outcome))
    return (await recordFact(ctx, ctx.db, payment.id, fact)) ?? payment
  } catch (err) {
    if (!(err instanceof ProviderRefused)) throw err
    throw conflict(
      'payment_action_not_required',
      `The payment is ${payment.status}; it cannot be ${outcome}d any more`,
      {
        cause: err,
      },
    )
  }
}
