import type { PaymentAnswer } from '@urbanbloom/contracts/payment'
import { publish } from '@urbanbloom/service-kit/events'
import { type StoredAnswer, storeAnswer } from './answer-store.ts'
import { answerOf, currentAnswer } from './checkout-answer.ts'
import type { OrderContext } from './context.ts'
import { type Order, toPublicOrder } from './order.ts'
import { awaitPayment, confirmedEvent, confirmOrder } from './order-store.ts'
import { reject } from './reject-order.ts'

/** How soon an unanswered authorization is asked about when no webhook comes. */
const CHECK_AGAIN_MS = 10_000

/**
 * Does with the order what its payment says. Safe to run twice and beside another process: each transition is
 * guarded by the saga's step, and whoever comes second answers with what the first has decided.
 */
export async function settlePayment(
  ctx: OrderContext,
  order: Order,
  payment: PaymentAnswer,
): Promise<StoredAnswer> {
  switch (payment.status) {
    case 'authorized':
    case 'captured':
    case 'partially_refunded':
    case 'refunded':
      return confirm(ctx, order, payment)
    case 'requires_action':
    case 'processing':
      return park(ctx, order, payment)
    case 'declined':
    case 'voided': {
      const detail =
        payment.declineCode === undefined
          ? 'The bank declined the payment; try another card'
          : `The bank declined the payment (${payment.declineCode.replaceAll('_', ' ')}); try another card`
      const extra = payment.declineCode === undefined ? {} : { declineCode: payment.declineCode }
      const rejection = { kind: 'declined' as const, code: 'payment_declined', detail, extra }
      return reject(ctx, order, { rejection, paymentTried: true })
    }
  }
}

async function confirm(ctx: OrderContext, order: Order, payment: PaymentAnswer): Promise<StoredAnswer> {
  const confirmed: Order = {
    ...order,
    status: 'confirmed',
    sagaStep: null,
    nextAction: null,
    paymentId: payment.id,
    paymentStatus: payment.status,
  }
  const answer: StoredAnswer = { status: 201, body: { order: toPublicOrder(confirmed) } }
  const won = await ctx.db.transaction(async (tx) => {
    if (!(await confirmOrder(tx, order.id, payment))) return false
    await publish(tx, ctx.jobs, 'order.confirmed', confirmedEvent(confirmed))
    await storeAnswer(tx, order.id, answer)
    return true
  })
  if (!won) return currentAnswer(ctx, order.id)
  ctx.crashPoint('order_confirmed')
  ctx.metrics.confirmed()
  ctx.log.info({ event: 'order_confirmed', orderId: order.id }, 'order confirmed')
  return answer
}

async function park(ctx: OrderContext, order: Order, payment: PaymentAnswer): Promise<StoredAnswer> {
  const limitMs = ctx.config.paymentActionLimitMs
  const waiting: Order = {
    ...order,
    status: payment.status === 'requires_action' ? 'payment_action_required' : 'pending',
    nextAction: payment.nextAction ?? null,
    paymentId: payment.id,
    paymentStatus: payment.status,
  }
  const answer = answerOf(waiting)
  const won = await ctx.db.transaction(async (tx) => {
    if (!(await awaitPayment(tx, order.id, payment, { checkAgainMs: CHECK_AGAIN_MS, limitMs }))) return false
    await storeAnswer(tx, order.id, answer)
    return true
  })
  return won ? answer : currentAnswer(ctx, order.id)
}
