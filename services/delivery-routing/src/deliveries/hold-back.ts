import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { removeStop } from '../dispatch/remove-stop.ts'
import { repairDayOf } from '../planning/repair-day.ts'
import { recordChanges } from '../stream/record-changes.ts'
import type { DeliveryStatus } from './delivery.ts'
import { lockRoutesOf } from './lock-routes-of.ts'
import { publishDeliveryEvents } from './publish-delivery-event.ts'

/** Keeps a delivery out of plans until a person lets it go; a planned stop leaves its route. */
export async function holdBack(ctx: Context, orderId: string, reason: string): Promise<void> {
  await recordChanges(ctx, async (tx, changes) => {
    await lockRoutesOf(tx, orderId)
    const status = await lockPlannable(tx, orderId)
    await tx.query(
      `update deliveries set held_back_reason = $2, status = 'confirmed', updated_at = now() where order_id = $1`,
      [orderId, reason],
    )
    if (status !== 'planned') return
    await removeStop(ctx, tx, changes, orderId)
    await publishDeliveryEvents(ctx, tx, 'delivery.unscheduled', [{ orderId }])
    changes.toCustomer(orderId, 'delivery.unscheduled')
  })
}

/** Lets it go again; where its day is under way it gets a place at once. */
export async function letGo(ctx: Context, orderId: string): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    await lockPlannable(tx, orderId)
    await tx.query('update deliveries set held_back_reason = null, updated_at = now() where order_id = $1', [
      orderId,
    ])
    await repairDayOf(ctx, tx, orderId, 'let_go')
  })
}

async function lockPlannable(tx: Db, orderId: string): Promise<DeliveryStatus> {
  const [delivery] = await tx.query<{ status: DeliveryStatus }>(
    'select status from deliveries where order_id = $1 for update',
    [orderId],
  )
  if (delivery === undefined || delivery.status === 'held') {
    throw notFound('delivery_not_found', `There is no delivery of the order ${orderId}`)
  }
  if (delivery.status !== 'confirmed' && delivery.status !== 'planned') {
    throw conflict('delivery_not_plannable', `The delivery is ${delivery.status}; no plan can place it`, {
      extra: { deliveryStatus: delivery.status },
    })
  }
  return delivery.status
}
