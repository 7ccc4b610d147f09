import { freeKey, type StoredAnswer, storeAnswer } from './answer-store.ts'
import { currentAnswer, problemAnswer } from './checkout-answer.ts'
import type { OrderContext } from './context.ts'
import { errorFrom, type Order, type Rejection } from './order.ts'
import { rejectOrder } from './order-store.ts'
import { unwind } from './unwind-order.ts'

/** Ends a checkout that cannot succeed, gives back what it took, and answers with the reason. */
export async function reject(
  ctx: OrderContext,
  order: Order,
  { rejection, paymentTried }: { rejection: Rejection; paymentTried: boolean },
): Promise<StoredAnswer> {
  const answer = problemAnswer(errorFrom(rejection))
  const won = await ctx.db.transaction(async (tx) => {
    const options = { leaseMs: ctx.config.leaseMs, paymentTried }
    if (!(await rejectOrder(tx, order.id, rejection, options))) return false
    // An answer of 5xx is no answer to keep: the same key may try again.
    if (answer.status >= 500) await freeKey(tx, order.id)
    else await storeAnswer(tx, order.id, answer)
    return true
  })
  if (!won) return currentAnswer(ctx, order.id)
  ctx.crashPoint('order_rejected')
  ctx.metrics.rejected(rejection.code)
  ctx.log.info({ event: 'order_rejected', orderId: order.id, code: rejection.code }, 'order rejected')
  await unwind(ctx, { ...order, paymentTried })
  return answer
}
