import { isDatabaseUnavailable } from '@urbanbloom/service-kit/db'
import { unavailable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import type { TravelPeriod } from '../travel/travel-times.ts'
import type { Day } from './day.ts'
import { readDay } from './day-store.ts'
import { fromSolution, type NewPlan } from './from-solution.ts'
import { gapToLowerEstimate } from './lower-estimate.ts'
import { type Claim, claimPlan, failPlan } from './plan-store.ts'
import { enqueueNextPlan } from './request-plan.ts'
import { storePlan } from './store-plan.ts'
import { type Plannable, plannableOf, pointsOf, toProblem } from './to-problem.ts'

/** A day that changes during the solve is solved again, this often. */
const MAX_SOLVES = 3
/** A lease outlives all solves of a run with room to spare. */
const LEASE_SPARE_MS = 60_000
/** Small days are solved to their best at once; time is for large ones. */
const LEAST_SOLVE_MS = 100
const SOLVE_MS_PER_STOP = 30

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
    const solved =
      plannable.shifts.length === 0 ? leaveOutAll(day, plannable) : await solve(ctx, day, plannable)
    const outcome = await storePlan(ctx, { claim, day, ...solved })
    if (outcome !== 'changed') return outcome
  }
  throw unavailable('day_keeps_changing', 'The routes of the day changed during each solve')
}

/** `travelSource` is null where nothing had to be driven. */
type Solved = { plan: NewPlan; travelSource: string | null }

async function solve(ctx: Context, day: Day, plannable: Plannable): Promise<Solved> {
  const points = pointsOf(day, plannable)
  const matrix = await ctx.travelTimes.matrix(points, periodOf(day, plannable))
  const problem = toProblem(day, plannable, matrix)
  const timeLimitMs = Math.min(
    ctx.config.planTimeLimitMs,
    LEAST_SOLVE_MS + SOLVE_MS_PER_STOP * problem.stops.length,
  )
  const solution = await ctx.solver.solve(problem, timeLimitMs)
  ctx.metrics.planSeconds.observe(solution.elapsedMs / 1000)
  const gap = await gapToLowerEstimate(problem, solution)
  if (gap !== null) ctx.metrics.planGap.observe(gap)
  return { plan: fromSolution(day, plannable, problem, solution), travelSource: matrix.source }
}

/** Without a vehicle there is nothing to search for, however many deliveries there are. */
function leaveOutAll(day: Day, { deliveries, tooLate }: Plannable): Solved {
  const reason =
    day.shifts.length === 0
      ? 'No driver and vehicle have a shift on this day'
      : 'The shifts of this day have no time left'
  const leftOut = deliveries.map(({ orderId }) => ({ orderId, reason }))
  return { plan: { routes: [], unassigned: [...tooLate, ...leftOut] }, travelSource: null }
}

/** From the first departure to the end of the last shift. */
function periodOf({ hub }: Day, { shifts }: Plannable): TravelPeriod {
  return {
    from: new Date(Math.min(...shifts.map(({ start }) => start.getTime()))),
    to: new Date(Math.max(...shifts.map(({ end }) => end.getTime()))),
    timeZone: hub.timeZone,
  }
}
