import { type Part, repairPart } from './repair-part.ts'
import { limitFor } from './solve-limit.ts'
import { movedStops, type Solved, type SolverContext, solvePart } from './solve-part.ts'
import { REPAIR_CHANGE_PRICES } from './to-problem.ts'

/** A late order is answered within two seconds, all told. */
const REPAIR_SOLVE_MS = 500
/** More stops than this do not change vans for one late order, if they need not. */
const MOVES_AT_MOST = 5

export type SolvedPart = Solved & Pick<Part, 'shiftIds'>

/**
 * Plans what is near the change, and where a delivery finds no place there, the whole day. Changes of vans are dear,
 * and dearer still when the first answer has too many of them.
 */
export async function repair(ctx: SolverContext, whole: Part): Promise<SolvedPart> {
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

async function solveRepair(ctx: SolverContext, part: Part, dearness: number): Promise<SolvedPart> {
  const changePrices = {
    ...REPAIR_CHANGE_PRICES,
    otherVehicle: REPAIR_CHANGE_PRICES.otherVehicle * dearness,
  }
  const timeLimitMs = Math.min(REPAIR_SOLVE_MS, limitFor(ctx, part.plannable))
  const solved = await solvePart(ctx, part, { timeLimitMs, changePrices, lane: 'repair' })
  return { ...solved, shiftIds: part.shiftIds }
}
