import type { PaymentContext } from './context.ts'
import { claimDuePayments } from './payment-store.ts'
import { pursuePayment } from './pursue-payment.ts'
import { settleRefund } from './refund-payment.ts'
import { claimDueRefunds } from './refund-store.ts'

const BATCH = 20

/**
 * Finishes what a request began and did not end: payments without an outcome, captures, voids and refunds that were
 * recorded and not confirmed. Every replica runs it; a claimed row is nobody else's until its next turn.
 */
export async function settleDue(ctx: PaymentContext): Promise<void> {
  await Promise.all([
    eachOf(ctx, await claimDuePayments(ctx.db, BATCH), (payment) => pursuePayment(ctx, payment)),
    eachOf(ctx, await claimDueRefunds(ctx.db, BATCH), (refund) => settleRefund(ctx, refund)),
  ])
}

/** One that fails does not keep the others waiting; its row stays due. */
async function eachOf<Item extends { id: string }>(
  ctx: PaymentContext,
  items: Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (const item of items) {
    try {
      await work(item)
    } catch (err) {
      ctx.log.error({ err, id: item.id }, 'settling failed; it is tried again later')
    }
  }
}
