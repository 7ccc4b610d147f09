import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { invalid } from '@urbanbloom/service-kit/errors'
import { requiredIdempotencyKey } from '@urbanbloom/service-kit/idempotency'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { needProvider } from './ask-provider.ts'
import type { PaymentContext } from './context.ts'
import { listEntries } from './ledger.ts'
import { PaymentView, RangeQuery, Reconciliation, RefundBody, RefundView } from './ops-schemas.ts'
import type { Payment, Refund } from './payment.ts'
import { findPayment } from './payment-store.ts'
import { reconcile } from './reconcile.ts'
import { refundPayment, refuseFailed, unknownPayment } from './refund-payment.ts'
import { listRefunds } from './refund-store.ts'

const DAY_MS = 24 * 3_600_000
const MAX_RANGE_DAYS = 31

const shared = { tags: ['Ops: money'], security: bearer }

/** What the ops team sees of money. */
export function registerOpsRoutes(app: App, ctx: PaymentContext, auth: Authenticator): void {
  const onRequest = auth.require('ops')

  app.get(
    '/v1/payments/reconciliation',
    {
      onRequest,
      schema: {
        ...shared,
        summary: 'Compare payments, ledger and provider',
        description:
          'Payments made from `from` (default: 24 h before `to`) until before `to` (default: now), at most 31 days. ' +
          '`isComplete` is false when a bound was reached; take a shorter range then.',
        querystring: RangeQuery,
        response: {
          200: Reconciliation,
          ...problems({ 400: 'range_invalid', 503: 'payment_provider_unavailable' }),
        },
      },
    },
    async (request) => needProvider(() => reconcile(ctx, rangeOf(request.query))),
  )

  app.get(
    '/v1/payments/:id',
    {
      onRequest,
      schema: {
        ...shared,
        summary: 'Read a payment with its refunds and ledger entries',
        params: z.object({ id: z.uuid() }),
        response: { 200: PaymentView, ...problems({ 404: 'payment_not_found' }) },
      },
    },
    async (request) => {
      const payment = await findPayment(ctx.db, request.params.id)
      if (payment === null) throw unknownPayment(request.params.id)
      return viewOf(ctx, payment)
    },
  )
}

/** Giving money back by hand. */
export function registerRefundRoutes(app: App, ctx: PaymentContext, auth: Authenticator): void {
  app.post(
    '/v1/payments/:id/refunds',
    {
      onRequest: auth.require('ops'),
      schema: {
        ...shared,
        summary: 'Refund a captured payment, in part or what is left of it',
        description:
          'Needs an `Idempotency-Key`. More than is left is 409 `refund_exceeds_capture`. The status `pending` means ' +
          'that the provider has not answered; it is asked again.',
        params: z.object({ id: z.uuid() }),
        headers: z.looseObject({ 'idempotency-key': z.string().optional() }),
        body: RefundBody,
        response: {
          201: RefundView,
          ...problems({
            400: 'idempotency_key_missing',
            404: 'payment_not_found',
            409: 'refund_exceeds_capture, payment_not_captured, refund_refused',
            422: 'idempotency_key_reused',
          }),
        },
      },
    },
    async (request, reply) => {
      const idempotencyKey = requiredIdempotencyKey(request)
      const { refund, isReplay } = await refundPayment(ctx, request.params.id, {
        amountCents: request.body.amountCents,
        reason: request.body.reason,
        idempotencyKey: `ops:${idempotencyKey}`,
        requestedBy: userOf(request).id,
      })
      if (isReplay) void reply.header('idempotency-replayed', 'true')
      return reply.code(201).send(toRefundView(refuseFailed(refund)))
    },
  )
}

function rangeOf(query: z.infer<typeof RangeQuery>): { from: Date; to: Date } {
  const to = query.to === undefined ? new Date() : new Date(query.to)
  const from = query.from === undefined ? new Date(to.getTime() - DAY_MS) : new Date(query.from)
  const lengthMs = to.getTime() - from.getTime()
  // The provider counts seconds since 1970.
  if (from.getTime() < 0 || lengthMs <= 0 || lengthMs > MAX_RANGE_DAYS * DAY_MS) {
    throw invalid(
      'range_invalid',
      `The range must start after 1970, end after it starts and span at most ${MAX_RANGE_DAYS} days`,
    )
  }
  return { from, to }
}

async function viewOf(ctx: PaymentContext, payment: Payment): Promise<z.infer<typeof PaymentView>> {
  const [refunds, entries] = await Promise.all([
    listRefunds(ctx.db, payment.id),
    listEntries(ctx.db, payment.id),
  ])
  return {
    id: payment.id,
    orderId: payment.orderId,
    ...(payment.customerId !== null && { customerId: payment.customerId }),
    status: payment.status,
    amountCents: payment.amountCents,
    capturedCents: payment.capturedCents,
    refundedCents: payment.refundedCents,
    refundPendingCents: payment.refundPendingCents,
    currency: payment.currency,
    ...(payment.declineCode !== null && { declineCode: payment.declineCode }),
    provider: ctx.provider.name,
    ...(payment.providerIntentId !== null && { providerIntentId: payment.providerIntentId }),
    createdAt: payment.createdAt.toISOString(),
    updatedAt: payment.updatedAt.toISOString(),
    refunds: refunds.map(toRefundView),
    ledger: entries.map(({ transactionId, kind, account, amountCents, bookedAt }) => ({
      transactionId,
      kind,
      account,
      amountCents,
      bookedAt: bookedAt.toISOString(),
    })),
  }
}

function toRefundView(refund: Refund): z.infer<typeof RefundView> {
  return {
    id: refund.id,
    paymentId: refund.paymentId,
    status: refund.status,
    amountCents: refund.amountCents,
    reason: refund.reason,
    ...(refund.failureCode !== null && { failureCode: refund.failureCode }),
    ...(refund.requestedBy !== null && { requestedBy: refund.requestedBy }),
    createdAt: refund.createdAt.toISOString(),
  }
}
