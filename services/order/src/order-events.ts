import { receiveEvents } from '@urbanbloom/service-kit/events'
import type { Task } from '@urbanbloom/service-kit/jobs'
import type { App } from '@urbanbloom/service-kit/server'
import type { OrderContext } from './context.ts'
import { followDelivery } from './follow-delivery.ts'
import { findOrder } from './order-store.ts'
import { driveOrder } from './recover-orders.ts'
import { pursueRefund } from './resolve-claim.ts'
import { moveToWindow, recordPaymentStatus, wakeUp } from './saga-store.ts'

type OrderJob = { orderId: string }

/** What `order` does when others report something. */
export function receiveOrderEvents(app: App, ctx: OrderContext): void {
  receiveEvents(app, ctx.db, {
    'payment.updated': async (tx, { orderId, status }) => {
      await recordPaymentStatus(tx, orderId, status)
      await wakeUp(tx, orderId)
      await ctx.jobs.enqueue(tx, 'drive_order', { orderId }, { jobKey: `drive:${orderId}` })
    },
    'delivery.scheduled': async (tx, { orderId, sequence }) => {
      await followDelivery(tx, orderId, { sequence, status: 'scheduled' })
    },
    'delivery.unscheduled': async (tx, { orderId, sequence }) => {
      await followDelivery(tx, orderId, { sequence, status: 'confirmed' })
    },
    'delivery.out_for_delivery': async (tx, { orderId, sequence }) => {
      await followDelivery(tx, orderId, { sequence, status: 'out_for_delivery' })
      await ctx.jobs.enqueue(tx, 'capture_payment', { orderId }, { jobKey: `capture:${orderId}` })
    },
    'delivery.delivered': async (tx, { orderId, sequence, deliveredAt, undelivered }) => {
      await followDelivery(tx, orderId, { sequence, status: 'delivered', deliveredAt, undelivered })
    },
    'delivery.failed': async (tx, { orderId, sequence }) => {
      await followDelivery(tx, orderId, { sequence, status: 'delivery_failed' })
    },
    'delivery.given_up': async (tx, { orderId, sequence }) => {
      await followDelivery(tx, orderId, { sequence, status: 'delivery_failed', isGivenUp: true })
    },
    'delivery.rescheduled': async (tx, { orderId, sequence, window, outForDelivery }) => {
      await moveToWindow(tx, orderId, { sequence, window })
      const status = outForDelivery ? 'out_for_delivery' : 'confirmed'
      await followDelivery(tx, orderId, { sequence, status })
    },
  })
}

/** The jobs that those events leave behind, because they call other services. */
export function orderTasks(ctx: OrderContext): Record<string, Task> {
  return {
    refund_claim: ({ claimId }: { claimId: string }) => pursueRefund(ctx, claimId),
    drive_order: ({ orderId }: OrderJob) => driveOrder(ctx, orderId),
    capture_payment: async ({ orderId }: OrderJob) => {
      // What makes a claim good was never paid.
      if ((await findOrder(ctx.db, orderId))?.replacesClaimId != null) return
      const payment = await ctx.participants.capturePayment(orderId)
      await recordPaymentStatus(ctx.db, orderId, payment.status)
    },
  }
}
