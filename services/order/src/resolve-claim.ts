import { notFound, ServiceError, unprocessable } from '@urbanbloom/service-kit/errors'
import { type Claim, refundFor } from './claim.ts'
import { beginMakingGood, findClaim, moveClaim } from './claim-store.ts'
import type { OrderContext } from './context.ts'
import { findOrder } from './order-store.ts'
import { alreadyResolved, itemsUnknown, redeliverClaim, whyNotMadeGood } from './redeliver-claim.ts'

type Resolution = {
  action: 'refund' | 'redeliver' | 'reject'
  amountCents?: number
  deliveryWindow?: { start: string; end: string } | undefined
  resolvedBy: string
}

/**
 * Ops decides on a claim, once. A refund is recorded and queued before it is paid, so that a crash cannot lose it,
 * and paid under the claim's id, so that it cannot be paid twice.
 */
export async function resolveClaim(ctx: OrderContext, id: string, resolution: Resolution): Promise<Claim> {
  const claim = await findClaim(ctx.db, id)
  if (claim === null) throw notFound('claim_not_found', `There is no claim ${id}`)
  if (resolution.action === 'redeliver') return redeliverClaim(ctx, claim, resolution)
  if (resolution.action === 'reject') {
    const move = { from: 'open', to: 'rejected', resolvedBy: resolution.resolvedBy } as const
    return (await moveClaim(ctx.db, id, move)) ?? refuse(claim)
  }
  const amountCents = await amountOf(ctx, claim, resolution.amountCents)
  const begun = await ctx.db.transaction(async (tx) => {
    const moved = await beginMakingGood(tx, claim, {
      to: 'resolving',
      resolvedBy: resolution.resolvedBy,
      amountCents,
    })
    if (moved !== null) await ctx.jobs.enqueue(tx, 'refund_claim', { claimId: id }, { jobKey: `claim:${id}` })
    return moved
  })
  if (begun === null) throw await whyNotMadeGood(ctx.db, claim)
  return refundClaim(ctx, id)
}

/**
 * Pays what was decided, and calls the claim refunded only when the money has moved. Runs in the request and, while
 * the provider has not confirmed, again as a job.
 */
export async function refundClaim(ctx: OrderContext, id: string): Promise<Claim> {
  const claim = await findClaim(ctx.db, id)
  if (claim === null) throw notFound('claim_not_found', `There is no claim ${id}`)
  if (claim.status !== 'resolving' || claim.amountCents === null) return claim
  try {
    const refund = await ctx.participants.refundPayment(claim.orderId, {
      amountCents: claim.amountCents,
      reason: 'claim',
      idempotencyKey: `claim:${id}:${claim.refundAttempt}`,
    })
    if (refund.status !== 'succeeded') return claim
  } catch (err) {
    if (err instanceof ServiceError && err.status < 500)
      await moveClaim(ctx.db, id, { from: 'resolving', to: 'open', attempt: claim.refundAttempt })
    throw err
  }
  // Request and job may both come here; the second finds the claim refunded.
  return (
    (await moveClaim(ctx.db, id, { from: 'resolving', to: 'refunded' })) ??
    (await findClaim(ctx.db, id)) ??
    claim
  )
}

/** The job behind a refund: it fails, and so comes again, until the money has moved or the provider has refused. */
export async function pursueRefund(ctx: OrderContext, id: string): Promise<void> {
  const { status } = await refundClaim(ctx, id)
  if (status === 'resolving') throw new Error(`The refund of claim ${id} is not confirmed yet`)
}

async function amountOf(ctx: OrderContext, claim: Claim, amountCents: number | undefined): Promise<number> {
  const order = await findOrder(ctx.db, claim.orderId)
  if (order === null) throw notFound('order_not_found', `There is no order ${claim.orderId}`)
  if (amountCents === undefined && claim.items.length === 0) throw itemsUnknown(claim)
  const amount = amountCents ?? refundFor(order, claim.items)
  if (order.totalCents === 0) {
    throw unprocessable(
      'refund_exceeds_order',
      'The order made an earlier claim good and cost nothing; redeliver, or refund the order that was paid',
    )
  }
  if (amount <= order.totalCents) return amount
  throw unprocessable(
    'refund_exceeds_order',
    `The order cost ${order.totalCents} cents; ${amount} cannot be refunded`,
  )
}

function refuse(claim: Claim): never {
  throw alreadyResolved(claim)
}
