import type { Db } from '@urbanbloom/service-kit/db'
import { publish } from '@urbanbloom/service-kit/events'
import type { PaymentContext } from './context.ts'
import { bookCapture } from './ledger.ts'
import { type Payment, type ProviderFact, transitionOf } from './payment.ts'
import { findPayment, movePayment, rememberIntent } from './payment-store.ts'

/** How often the settling job asks after a payment that waits for its customer at the bank. */
const RECHECK_ACTION_MS = 30_000

type Options = {
  /** False where the caller itself is told the outcome in the answer to its authorization. */
  tellOrder: boolean
}

/**
 * Applies what the provider says, if it moves the payment forward, and gives the payment as it is then. A capture
 * is booked and `order` is told in the same transaction.
 */
export async function recordFact(
  ctx: PaymentContext,
  db: Db,
  paymentId: string,
  fact: ProviderFact,
  { tellOrder }: Options = { tellOrder: true },
): Promise<Payment | null> {
  if (fact.state === 'processing') {
    if (fact.intentId !== null) await rememberIntent(db, paymentId, fact.intentId)
    return findPayment(db, paymentId)
  }
  const transition = transitionOf[fact.state]
  const move = {
    id: paymentId,
    from: transition.from,
    to: transition.to,
    intentId: fact.intentId,
    capturedCents: fact.capturedCents,
    declineCode: fact.state === 'declined' ? fact.declineCode : null,
    nextAction: fact.state === 'requires_action' ? fact.nextAction : null,
    recheckMs: RECHECK_ACTION_MS,
  }
  const isOneStatement = !tellOrder && fact.state !== 'captured'
  const moved = isOneStatement
    ? await movePayment(db, move)
    : await db.transaction(async (tx) => {
        const payment = await movePayment(tx, move)
        if (payment === null) return null
        if (payment.status === 'captured') await bookCapture(tx, payment)
        if (tellOrder) {
          const { orderId, id, status } = payment
          await publish(tx, ctx.jobs, 'payment.updated', { orderId, paymentId: id, status })
        }
        return payment
      })
  if (moved === null) return reportContradiction(ctx, await findPayment(db, paymentId), fact)
  ctx.metrics.transitions.inc({ status: moved.status })
  const { orderId, status } = moved
  ctx.log.info({ event: 'payment_moved', paymentId, orderId, paymentStatus: status }, 'payment moved')
  return moved
}

/** An old fact is nothing special; money where there should be none is. */
function reportContradiction(
  ctx: PaymentContext,
  payment: Payment | null,
  fact: ProviderFact,
): Payment | null {
  const isOver = payment?.status === 'voided' || payment?.status === 'declined'
  if (isOver && (fact.state === 'authorized' || fact.state === 'captured')) {
    ctx.log.error(
      { paymentId: payment.id, paymentStatus: payment.status, providerState: fact.state },
      'the provider holds money for a payment that has ended; see the reconciliation',
    )
  }
  return payment
}
