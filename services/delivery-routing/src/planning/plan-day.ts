import { isDatabaseUnavailable } from '@urbanbloom/service-kit/db'
import { unavailable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { commitmentsOf } from './day.ts'
import { readDay } from './day-store.ts'
import { type Claim, claimPlan, failPlan } from './plan-store.ts'
import { type Plannable, plannableOf } from './plannable.ts'
import { type Part, repairPart, wholeDay } from './repair-part.ts'
import { enqueueNextPlan } from './request-plan.ts'
import { movedStops, type Solved, solvePart } from './solve-part.ts'
import { storePlan } from './store-plan.ts'
import { CHANGE_PRICES, REPAIR_CHANGE_PRICES } from './to-problem.ts'

/** A day that changes during the solve is solved again, this often. */
const MAX_SOLVES = 3
/** A lease outlives all solves of a run with room to spare. */
const LEASE_SPARE_MS = 60_000
/** Small days are solved to their best at once; time is for large ones. */
const LEAST_SOLVE_MS = 100
const SOLVE_MS_PER_STOP = 30
/** A late order is answered within two seconds, all told. */
const REPAIR_SOLVE_MS = 500
/** More stops than this do not change vans for one late order, if they need not. */
const MOVES_AT_MOST = 5

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

type SolvedPart = Solved & Pick<Part, 'shiftIds'>

async function solveWhole(ctx: Context, { scope }: Claim, part: Part): Promise<SolvedPart> {
  const changePrices = scope === 'fresh' ? null : CHANGE_PRICES
  const timeLimitMs = limitFor(ctx, part.plannable)
  return { ...(await solvePart(ctx, part, { timeLimitMs, changePrices, lane: 'day' })), shiftIds: null }
}

/**
 * Plans what is near the change, and where a delivery finds no place there, the whole day. Changes of vans are dear,
 * and dearer still when the first answer has too many of them.
 */
async function repair(ctx: Context, whole: Part): Promise<SolvedPart> {
  const part = repairPart(whole.day, whole.plannable)
  if (part === null) {
    const unassigned = whole.plannable.leftOut
    return { plan: { routes: [], unassigned }, travelSource: null, shiftIds: new Set() }
  }
  const near = await solveRepair(ctx, part, 1)
  if (near.plan.unassigned.length === whole.plannable.leftOut.length) {
    if (movedStops(part, near.plan) <= MOVES_AT_MOST) return near
    const steadier = await solveRepair(ctx, part, 20)
    if (steadier.plan.unassigned.length === near.plan.unassigned.length) return steadier
    return near
  }
  const wide = await solveRepair(ctx, whole, 1)
  return wide.plan.unassigned.length < near.plan.unassigned.length ? wide : near
}

async function solveRepair(ctx: Context, part: Part, dearness: number): Promise<SolvedPart> {
  const changePrices = {
    ...REPAIR_CHANGE_PRICES,
    otherVehicle: REPAIR_CHANGE_PRICES.otherVehicle * dearness,
  }
  const timeLimitMs = Math.min(REPAIR_SOLVE_MS, limitFor(ctx, part.plannable))
  const solved = await solvePart(ctx, part, { timeLimitMs, changePrices, lane: 'repair' })
  return { ...solved, shiftIds: part.shiftIds }
}

function limitFor(ctx: Context, { deliveries }: Plannable): number {
  return Math.min(ctx.config.planTimeLimitMs, LEAST_SOLVE_MS + SOLVE_MS_PER_STOP * deliveries.length)
}
