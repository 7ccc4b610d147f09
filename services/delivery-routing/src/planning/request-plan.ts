import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { findHub } from '../fleet/hub-store.ts'
import { localDateAt } from '../local-date.ts'
import type { PlanRecord } from './plan.ts'
import {
  type Claim,
  findQueuedPlan,
  hasPublishedPlan,
  insertQueuedPlan,
  listLostPlans,
  type PlanRequest,
} from './plan-store.ts'

export const PLAN_DAY = 'plan_day'

/** Queues a plan. Asking again while it waits gives the same plan, so a second click costs nothing. */
export async function requestPlan(
  ctx: Context,
  request: PlanRequest & { requestedBy: string },
): Promise<PlanRecord> {
  const hub = await findHub(ctx.db, request.hubId)
  if (hub === null) throw unprocessable('hub_unknown', `There is no hub ${request.hubId}`)
  const today = localDateAt(ctx.now(), hub.timeZone)
  if (request.date < today) {
    throw unprocessable('date_passed', `${request.date} is over at ${hub.name}, where it is ${today}`)
  }
  return ctx.db.transaction((tx) => queuePlan(ctx, tx, request))
}

/** The same within a transaction that gives the day a reason to be planned. */
export async function queuePlan(ctx: Context, tx: Db, request: PlanRequest): Promise<PlanRecord> {
  const queued = await insertQueuedPlan(tx, { id: newId(), ...request })
  if (request.draft === true && !queued.draft) {
    throw conflict(
      'plan_busy',
      'A plan of this day that will be in force is queued; ask for a draft after it',
    )
  }
  await enqueuePlan(ctx, tx, queued)
  return queued
}

/** Queues a repair of a day whose plan is in force; a day without one is planned when somebody asks for it. */
export async function queueRepair(
  ctx: Context,
  tx: Db,
  day: { hubId: string; date: string; cause: string },
): Promise<void> {
  if (!(await hasPublishedPlan(tx, day))) return
  await queuePlan(ctx, tx, { ...day, requestedBy: null, scope: 'repair' })
}

/** Queues the plans again whose run was lost, such as by a crash. */
export async function requeueLostPlans(ctx: Context): Promise<void> {
  for (const plan of await listLostPlans(ctx.db)) await enqueuePlan(ctx, ctx.db, plan)
}

/** For the end of a run: a plan of the same day that came meanwhile is next. */
export async function enqueueNextPlan(
  ctx: Context,
  tx: Db,
  claim: Pick<Claim, 'hubId' | 'date'>,
): Promise<void> {
  const next = await findQueuedPlan(tx, claim)
  if (next !== null) await enqueuePlan(ctx, tx, next)
}

async function enqueuePlan(ctx: Context, tx: Db, plan: { id: string; hubId: string; date: string }) {
  const jobKey = `plan:${plan.hubId}:${plan.date}`
  await ctx.jobs.enqueue(tx, PLAN_DAY, { planId: plan.id }, { jobKey })
}
