import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { findHub } from '../fleet/hub-store.ts'
import { localDateAt } from '../local-date.ts'
import type { PlanRecord } from './plan.ts'
import { type Claim, findQueuedPlan, insertQueuedPlan, listLostPlans } from './plan-store.ts'

export const PLAN_DAY = 'plan_day'

const MAX_TRIES = 3

/** Queues a plan. Asking again while it waits gives the same plan, so a second click costs nothing. */
export async function requestPlan(
  ctx: Context,
  day: { hubId: string; date: string; requestedBy: string },
): Promise<PlanRecord> {
  const hub = await findHub(ctx.db, day.hubId)
  if (hub === null) throw unprocessable('hub_unknown', `There is no hub ${day.hubId}`)
  const today = localDateAt(ctx.now(), hub.timeZone)
  if (day.date < today) {
    throw unprocessable('date_passed', `${day.date} is over at ${hub.name}, where it is ${today}`)
  }
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const plan = await ctx.db.transaction(async (tx) => {
      const queued = await insertQueuedPlan(tx, { id: newId(), ...day })
      if (queued !== null) await enqueuePlan(ctx, tx, queued)
      return queued
    })
    if (plan !== null) return plan
  }
  throw conflict('plan_busy', 'Plans of this day begin one after the other just now; try again')
}

/** Queues the plans again whose run was lost, such as by a crash. */
export async function requeueLostPlans(ctx: Context): Promise<void> {
  for (const plan of await listLostPlans(ctx.db)) await enqueuePlan(ctx, ctx.db, plan)
}

/** For the end of a run: a plan of the same day that came meanwhile is next. */
export async function enqueueNextPlan(ctx: Context, tx: Db, claim: Claim): Promise<void> {
  const next = await findQueuedPlan(tx, claim)
  if (next !== null) await enqueuePlan(ctx, tx, next)
}

async function enqueuePlan(ctx: Context, tx: Db, plan: { id: string; hubId: string; date: string }) {
  const jobKey = `plan:${plan.hubId}:${plan.date}`
  await ctx.jobs.enqueue(tx, PLAN_DAY, { planId: plan.id }, { jobKey })
}
