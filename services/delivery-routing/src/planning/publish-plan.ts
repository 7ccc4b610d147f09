import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { commitmentsOf } from './day.ts'
import type { PlanRecord } from './plan.ts'
import { findDraft } from './plan-results.ts'
import { findPlan } from './plan-store.ts'
import { finishInForce, lockDay, lockRoutesOfDay } from './store-plan.ts'

/**
 * Puts a draft in force. Publishing again is answered like once. A draft is outdated, 409, when a route was started,
 * pinned or planned otherwise since it was made.
 */
export async function publishPlan(ctx: Context, id: string): Promise<PlanRecord> {
  const found = await findPlan(ctx.db, id)
  if (found === null) throw notFound('plan_not_found', `There is no plan ${id}`)
  await recordChanges(ctx, async (tx, changes) => {
    await lockDay(tx, found)
    const draft = await findDraft(tx, id)
    if (draft === null) {
      throw conflict(
        'plan_not_done',
        `The plan ${id} is ${found.status}; only a plan that is done is published`,
      )
    }
    if (draft.proposal === null) return
    const before = await lockRoutesOfDay(tx, found)
    if (draft.isOvertaken || commitmentsOf(before) !== draft.commitments) {
      throw conflict('plan_outdated', `The day has changed since the plan ${id} was made; plan it again`)
    }
    const claim = { planId: id, hubId: found.hubId, date: found.date }
    const { proposal: plan, travelSource } = draft
    await finishInForce(ctx, tx, { claim, changes, plan, before, shiftIds: null, travelSource })
  })
  return (await findPlan(ctx.db, id)) ?? found
}
