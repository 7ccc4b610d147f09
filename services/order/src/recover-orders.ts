import { ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { runInContext, traceparentFrom } from '@urbanbloom/service-kit/request-context'
import { finishCancelling } from './cancel-order.ts'
import { interrupted } from './checkout-answer.ts'
import type { OrderContext } from './context.ts'
import { type Order, rejectionFrom } from './order.ts'
import { findOrder } from './order-store.ts'
import { driveReplacement } from './redeliver-claim.ts'
import { reject } from './reject-order.ts'
import { claimStalledOrders } from './saga-store.ts'
import { settlePayment } from './settle-payment.ts'
import { unwind } from './unwind-order.ts'

const BATCH = 10
const DRIVE_LIMIT_MS = 15_000

/** Takes over the orders that nobody is at work on any more and drives each to its one right end. */
export async function recoverOrders(ctx: OrderContext): Promise<void> {
  const ids = await claimStalledOrders(ctx.db, { limit: BATCH, leaseMs: ctx.config.leaseMs })
  ctx.metrics.takenOver(ids.length)
  await Promise.all(
    ids.map((id) => {
      const context = {
        requestId: newId(),
        traceparent: traceparentFrom(undefined),
        deadlineAt: performance.now() + DRIVE_LIMIT_MS,
      }
      return runInContext(context, () => driveOrder(ctx, id)).catch((err: unknown) =>
        ctx.log.warn({ err, orderId: id }, 'an order could not be driven on; its lease runs out again'),
      )
    }),
  )
}

/** One step of recovery, by what is left to do. Runs under the lease that the caller has taken. */
export async function driveOrder(ctx: OrderContext, id: string): Promise<void> {
  const order = await findOrder(ctx.db, id)
  if (order === null || order.sagaStep === null) return
  ctx.log.info({ event: 'order_taken_over', orderId: id, sagaStep: order.sagaStep }, 'driving an order on')
  switch (order.sagaStep) {
    case 'placing':
    case 'awaiting_payment':
      await (order.replacesClaimId === null ? askForPayment(ctx, order) : driveReplacement(ctx, order))
      return
    case 'cancelling':
      await finishCancelling(ctx, order)
      return
    case 'unwinding':
      await unwind(ctx, order)
      return
  }
}

async function askForPayment(ctx: OrderContext, order: Order): Promise<void> {
  const payment = await ctx.participants.refreshPayment(order.id).catch((err: unknown) => {
    if (err instanceof ServiceError && err.code === 'payment_not_found') return null
    throw err
  })
  if (payment === null) {
    // Voiding leaves a tombstone, so an authorization that is still on its way will be refused.
    await reject(ctx, order, { rejection: rejectionFrom(interrupted()), paymentTried: true })
    return
  }
  const undecided = payment.status === 'requires_action' || payment.status === 'processing'
  const late = order.actionDeadline !== null && order.actionDeadline.getTime() < Date.now()
  if (undecided && late) {
    const detail = 'The payment was not approved in time; nothing was charged'
    const rejection = { kind: 'declined' as const, code: 'payment_action_expired', detail, extra: {} }
    await reject(ctx, order, { rejection, paymentTried: true })
    return
  }
  await settlePayment(ctx, order, payment)
}
