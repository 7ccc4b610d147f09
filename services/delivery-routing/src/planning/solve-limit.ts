import type { Plannable } from './plannable.ts'
import type { SolverContext } from './solve-part.ts'

/** Small days are solved to their best at once; time is for large ones. */
const LEAST_SOLVE_MS = 100
const SOLVE_MS_PER_STOP = 30

export function limitFor(ctx: SolverContext, { deliveries }: Plannable): number {
  return Math.min(ctx.config.planTimeLimitMs, LEAST_SOLVE_MS + SOLVE_MS_PER_STOP * deliveries.length)
}
