import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'
import type { PaymentContext } from './context.ts'
import type { ProviderEvent } from './payment-provider.ts'
import { findPayment } from './payment-store.ts'
import { recordFact } from './record-fact.ts'
import { recordRefund } from './refund-payment.ts'
import { findRefund } from './refund-store.ts'

/** Applies one event of the provider once; its id is recorded in the transaction that applies it. */
export async function receiveWebhook(
  ctx: PaymentContext,
  event: ProviderEvent,
): Promise<'applied' | 'repeated'> {
  return ctx.db.transaction(async (tx) => {
    const { subject } = event
    const refund = subject.kind === 'refund' ? await findRefund(tx, subject.refundId) : null
    const paymentId = subject.kind === 'payment' ? subject.paymentId : (refund?.paymentId ?? null)
    const fresh = await tx.query(
      `insert into provider_events (provider, id, type, payment_id) values ($1, $2, $3, $4)
       on conflict do nothing returning id`,
      [ctx.provider.name, event.id, event.type, paymentId],
    )
    if (fresh.length === 0) return 'repeated'
    if (subject.kind === 'payment' && (await findPayment(tx, subject.paymentId)) !== null) {
      await recordFact(ctx, tx, subject.paymentId, subject.fact)
    }
    if (subject.kind === 'refund' && refund !== null) await recordRefund(ctx, tx, refund.id, subject.fact)
    return 'applied'
  })
}

/** Longer than the provider repeats an event (3 days), and long enough to look into what happened. */
const REMEMBERED_DAYS = 90

/** Forgets the provider's events that nobody repeats any more; for a recurring job. */
export async function forgetOldProviderEvents(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from provider_events where (provider, id) in
       (select provider, id from provider_events where received_at < now() - make_interval(days => $2)
        limit $1 for update skip locked)
     returning 1`,
    [REMEMBERED_DAYS],
  )
}
