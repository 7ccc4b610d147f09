import type { Context } from '../context.ts'
import type { TravelPeriod } from '../travel/travel-times.ts'
import { fromSolution, type NewPlan } from './from-solution.ts'
import { leaveInTurn } from './leave-in-turn.ts'
import { gapToLowerEstimate } from './lower-estimate.ts'
import type { Part } from './repair-part.ts'
import { type ChangePrices, pointsOf, toProblem } from './to-problem.ts'
import type { VanLimits } from './van-time.ts'

/** `travelSource` is null where nothing had to be driven. */
export type Solved = { plan: NewPlan; travelSource: string | null }

/** What solving needs of the service. */
export type SolverContext = Pick<Context, 'travelTimes' | 'solver'> & {
  config: Pick<Context['config'], 'planTimeLimitMs'>
  metrics: Pick<Context['metrics'], 'planSeconds' | 'planGap'>
}

type Options = { timeLimitMs: number; changePrices: ChangePrices | null; lane: 'day' | 'repair' }

/** Plans a part of a day off the event loop. */
export async function solvePart(ctx: SolverContext, part: Part, options: Options): Promise<Solved> {
  const { day, plannable } = part
  if (plannable.shifts.length === 0) return leaveOutAll(part)
  const matrix = await ctx.travelTimes.matrix(pointsOf(day, plannable), periodOf(part))
  const problem = toProblem(day, plannable, matrix, options.changePrices)
  const vanLimits: VanLimits = Object.fromEntries(
    plannable.deliveries.flatMap(({ orderId, transport: { maxVanMinutes } }) =>
      maxVanMinutes === undefined ? [] : [[orderId, maxVanMinutes * 60] as const],
    ),
  )
  const { lane, timeLimitMs } = options
  const solution = await ctx.solver.solve(problem, timeLimitMs, { lane, vanLimits })
  ctx.metrics.planSeconds.observe(solution.elapsedMs / 1000)
  const gap = await gapToLowerEstimate(problem, solution)
  if (gap !== null) ctx.metrics.planGap.observe(gap)
  const plan = leaveInTurn(part, problem, fromSolution(day, plannable, problem, solution), vanLimits)
  return { plan, travelSource: matrix.source }
}

/** How many stops of a plan are served by another shift than the day's routes say. */
export function movedStops({ day }: Part, plan: NewPlan): number {
  const shiftOf = new Map(
    day.routes
      .filter(({ status }) => status === 'planned')
      .flatMap(({ shiftId, stops }) => stops.map(({ orderId }) => [orderId, shiftId] as const)),
  )
  const placed = plan.routes.flatMap(({ shiftId, stops }) =>
    stops.map(({ orderId }) => ({ orderId, shiftId })),
  )
  return placed.filter(({ orderId, shiftId }) => (shiftOf.get(orderId) ?? shiftId) !== shiftId).length
}

/** Without a vehicle there is nothing to search for, however many deliveries there are. */
function leaveOutAll({ day, plannable }: Part): Solved {
  const reason =
    day.shifts.length === 0
      ? 'No driver and vehicle have a shift on this day'
      : 'The shifts of this day have no time left'
  const unassigned = plannable.deliveries.map(({ orderId }) => ({ orderId, reason }))
  return { plan: { routes: [], unassigned: [...plannable.leftOut, ...unassigned] }, travelSource: null }
}

/** From the first departure to the end of the last shift. */
function periodOf({ day: { hub }, plannable: { shifts } }: Part): TravelPeriod {
  return {
    from: new Date(Math.min(...shifts.map(({ start }) => start.getTime()))),
    to: new Date(Math.max(...shifts.map(({ end }) => end.getTime()))),
    timeZone: hub.timeZone,
  }
}
