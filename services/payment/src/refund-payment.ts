import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound, unprocessable } from '@urbanbloom/service-kit/errors'
import { publish } from '@urbanbloom/service-kit/events'
import { fingerprint } from '@urbanbloom/service-kit/idempotency'
import { newId } from '@urbanbloom/service-kit/ids'
import { askProvider } from './ask-provider.ts'
import type { PaymentContext } from './context.ts'
import { bookRefund } from './ledger.ts'
import { type Payment, type Refund, refundableCents } from './payment.ts'
import { ProviderRefused, type RefundFact } from './payment-provider.ts'
import { findPayment, lockPayment } from './payment-store.ts'
import {
  countRefund,
  endRefund,
  findRefund,
  findRefundByKey,
  insertRefund,
  releaseRefund,
} from './refund-store.ts'

export type RefundInput = {
  /** Undefined refunds all that is left. */
  amountCents: number | undefined
  reason: string
  idempotencyKey: string
  requestedBy: string | null
}

export type RefundOutcome = { refund: Refund; payment: Payment; isReplay: boolean }

/**
 * Refunds captured money, once for each idempotency key of the payment. The money is set aside before the provider
 * is asked, so that refunds side by side never exceed the capture. `pending` means that the provider has not
 * answered; the settling job goes on.
 */
export async function refundPayment(
  ctx: PaymentContext,
  paymentId: string,
  input: RefundInput,
): Promise<RefundOutcome> {
  const { refund, isReplay } = await ctx.db.transaction((tx) => requestRefund(ctx, tx, paymentId, input))
  const settled = refund.status === 'pending' ? await settleRefund(ctx, refund) : refund
  const payment = await findPayment(ctx.db, paymentId)
  if (payment === null) throw unknownPayment(paymentId)
  return { refund: settled, payment, isReplay }
}

async function requestRefund(ctx: PaymentContext, tx: Db, paymentId: string, input: RefundInput) {
  const payment = await lockPayment(tx, paymentId)
  if (payment === null) throw unknownPayment(paymentId)
  const requestFingerprint = fingerprint({ amountCents: input.amountCents, reason: input.reason })
  const earlier = await findRefundByKey(tx, paymentId, input.idempotencyKey)
  if (earlier !== null) {
    if (earlier.requestFingerprint === requestFingerprint) return { refund: earlier, isReplay: true }
    throw unprocessable(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another refund; take a new one',
    )
  }
  const amountCents = input.amountCents ?? refundableCents(payment)
  refuseTooMuch(payment, amountCents)
  const refund = await insertRefund(tx, {
    ...input,
    id: newId(),
    paymentId,
    amountCents,
    requestFingerprint,
    settleAfterMs: ctx.config.settle.afterMs,
  })
  return { refund, isReplay: false }
}

function refuseTooMuch(payment: Payment, amountCents: number): void {
  const left = refundableCents(payment)
  if (payment.capturedCents === 0) {
    throw conflict(
      'payment_not_captured',
      `The payment is ${payment.status}; only captured money can be refunded`,
    )
  }
  if (amountCents > left || left === 0) {
    throw conflict('refund_exceeds_capture', `Only ${left} cents of this payment are left to refund`, {
      extra: { refundableCents: left },
    })
  }
}

/** Asks the provider for a refund that is recorded, and records how it ended. */
export async function settleRefund(ctx: PaymentContext, refund: Refund): Promise<Refund> {
  const payment = await findPayment(ctx.db, refund.paymentId)
  const intentId = payment?.providerIntentId
  if (intentId == null) throw new Error(`The payment ${refund.paymentId} of a refund has no provider intent`)
  const fact = await askProvider(ctx, 'refund', refund.paymentId, () => askToRefund(ctx, refund, intentId))
  if (fact === null) return refund
  return (await recordRefund(ctx, ctx.db, refund.id, fact)) ?? refund
}

async function askToRefund(
  ctx: PaymentContext,
  { id: refundId, amountCents, reason, settleTries }: Refund,
  intentId: string,
): Promise<RefundFact | { state: 'failed'; providerRefundId: null; failureCode: string }> {
  // A later try may come after the provider has forgotten the idempotency key of the first.
  const earlier = settleTries > 0 ? await ctx.provider.findRefund(refundId, intentId) : null
  if (earlier !== null) return earlier
  try {
    return await ctx.provider.refund({ refundId, intentId, amountCents, reason })
  } catch (err) {
    if (!(err instanceof ProviderRefused)) throw err
    ctx.log.error({ err, refundId, code: err.code }, 'the provider refused a refund')
    return { state: 'failed', providerRefundId: null, failureCode: err.code }
  }
}

type Outcome = { state: RefundFact['state']; providerRefundId: string | null; failureCode: string | null }

/** Applies the end of a refund once: the money counts as given back, the ledger books it, `order` is told. */
export async function recordRefund(
  ctx: PaymentContext,
  db: Db,
  refundId: string,
  fact: Outcome,
): Promise<Refund | null> {
  if (fact.state === 'pending') return findRefund(db, refundId)
  const status = fact.state
  const { providerRefundId, failureCode } = fact
  return db.transaction(async (tx) => {
    const ended = await endRefund(tx, refundId, { status, providerRefundId, failureCode })
    if (ended === null) return findRefund(tx, refundId)
    ctx.metrics.refunds.inc({ status })
    if (status === 'failed') {
      await releaseRefund(tx, ended.paymentId, ended.amountCents)
      return ended
    }
    const before = await lockPayment(tx, ended.paymentId)
    if (before === null) throw unknownPayment(ended.paymentId)
    await countRefund(tx, before.id, ended.amountCents)
    await bookRefund(tx, before, ended)
    await publish(tx, ctx.jobs, 'payment.updated', {
      orderId: before.orderId,
      paymentId: before.id,
      status:
        before.refundedCents + ended.amountCents === before.capturedCents ? 'refunded' : 'partially_refunded',
    })
    return ended
  })
}

/** What a caller is told of a refund that the provider would not make. */
export function refuseFailed(refund: Refund): Refund {
  if (refund.status !== 'failed') return refund
  throw conflict(
    'refund_refused',
    `The provider refused the refund: ${refund.failureCode ?? 'no reason given'}`,
    {
      extra: { refundId: refund.id },
    },
  )
}

export function unknownPayment(id: string) {
  return notFound('payment_not_found', `There is no payment ${id}`)
}
