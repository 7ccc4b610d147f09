import { isDatabaseUnavailable } from '@urbanbloom/service-kit/db'
import { unavailable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { commitmentsOf } from './day.ts'
import { readDay } from './day-store.ts'
import { type Claim, claimPlan, failPlan } from './plan-store.ts'
import { plannableOf } from './plannable.ts'
import { repair, type SolvedPart } from './repair.ts'
import { type Part, wholeDay } from './repair-part.ts'
import { enqueueNextPlan } from './request-plan.ts'
import { limitFor } from './solve-limit.ts'
import { solvePart } from './solve-part.ts'
import { storePlan } from './store-plan.ts'
import { CHANGE_PRICES } from './to-problem.ts'

/** A day that changes during the solve is solved again, this often. */
const MAX_SOLVES = 3
/** A lease outlives all solves of a run with room to spare. */
const LEASE_SPARE_MS = 60_000

/** The job behind a plan: reads the day, solves it off the event loop, stores the result as a new version. */
export async function planDay(ctx: Context, { planId }: { planId: string }): Promise<void> {
  const leaseMs = ctx.config.planTimeLimitMs * MAX_SOLVES + LEASE_SPARE_MS
  const claim = await claimPlan(ctx.db, planId, leaseMs)
  if (claim === null) return
  try {
    const outcome = await solveAndStore(ctx, claim)
    ctx.metrics.plans.inc({ outcome })
  } catch (err) {
    ctx.metrics.plans.inc({ outcome: 'failed' })
    ctx.log.error({ err, planId }, 'a plan failed')
    // With the database away nothing can be recorded; the lease runs out and the plan is taken up again.
    if (isDatabaseUnavailable(err)) throw err
    await ctx.db.transaction(async (tx) => {
      await failPlan(tx, claim, 'The day could not be planned; the log says why. Planning again may help.')
      await enqueueNextPlan(ctx, tx, claim)
    })
  }
}

async function solveAndStore(ctx: Context, claim: Claim): Promise<'done' | 'lost'> {
  for (let attempt = 1; attempt <= MAX_SOLVES; attempt += 1) {
    const day = await readDay(ctx.db, claim.hubId, claim.date)
    if (day === null) throw new Error(`The hub ${claim.hubId} is gone`)
    const plannable = plannableOf(day, ctx.now())
    const whole = wholeDay(day, plannable)
    const solved = claim.scope === 'repair' ? await repair(ctx, whole) : await solveWhole(ctx, claim, whole)
    const commitments = commitmentsOf(day.routes)
    const outcome = await storePlan(ctx, { claim, commitments, ...solved })
    if (outcome !== 'changed') return outcome
  }
  throw unavailable('day_keeps_changing', 'The routes of the day changed during each solve')
}

async function solveWhole(ctx: Context, { scope }: Claim, part: Part): Promise<SolvedPart> {
  const changePrices = scope === 'fresh' ? null : CHANGE_PRICES
  const timeLimitMs = limitFor(ctx, part.plannable)
  return { ...(await solvePart(ctx, part, { timeLimitMs, changePrices, lane: 'day' })), shiftIds: null }
}
