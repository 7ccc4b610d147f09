import type { Worth } from './acceptance.ts'
import { buildRoutes } from './build-solution.ts'
import { compileModel } from './compile-model.ts'
import { explainUnassigned } from './explain-unassigned.ts'
import type { Problem } from './problem.ts'
import { search } from './search.ts'
import type { Solution, UnassignedStop } from './solution.ts'
import { type Limits, StopCriterion } from './stop.ts'
import { orderByNearness } from './stop-order.ts'
import { type Membership, TeamMember } from './team.ts'
import { validateProblem } from './validate-problem.ts'

/** How long writing and explaining the answer takes, at most, on a slow machine. */
const ANSWER_MS = 2
const ANSWER_MS_PER_STOP = 0.004

/** How long to search, and from which seed. */
export interface SolveOptions extends Limits {
  /** Any integer. The same seed with the same `maxIterations` and no time limit gives the same plan. */
  readonly seed?: number
  /**
   * Told of the first plan and of each better one, while the search goes on: the cost with the price of changes,
   * and the weight of what it leaves out. It is called thousands of times in a second, so it should do little.
   */
  readonly onImprovement?: (worth: Worth) => void
  /** For `solveInParallel`: which of how many threads this is. */
  readonly team?: Membership
}

/**
 * Plans the routes of a fleet: serves as much (by weight) as it can, at the least cost. The answer is feasible
 * however short the time limit is; the first plan is always completed. Throws `InvalidProblemError`.
 */
export function solve(given: Problem, options: SolveOptions = {}): Solution {
  const stop = new StopCriterion(options)
  // Whoever makes a team has checked the problem.
  if (!options.team) validateProblem(given)
  const problem = { ...given, stops: orderByNearness(given) }
  const model = compileModel(problem)
  stop.reserve(ANSWER_MS + ANSWER_MS_PER_STOP * model.stopCount)
  const { seed = 1, team } = options
  const member = team && new TeamMember(model, team, seed, options.onImprovement)
  const onImprovement = member?.isDivided ? undefined : options.onImprovement
  // Threads of a team differ in their seed alone.
  const plan = search(model, stop, seed + (team?.thread ?? 0), onImprovement, member)
  const { routes, leftOut } = buildRoutes(problem, model, plan)
  return {
    routes,
    unassigned: inGivenOrder(explainUnassigned(problem, model, leftOut), given),
    cost: routes.reduce((total, route) => total + route.cost, 0),
    changeCost: routes.reduce((total, route) => total + route.changeCost, 0),
    iterations: stop.iterations,
    elapsedMs: stop.elapsedMs(),
  }
}

function inGivenOrder(unassigned: readonly UnassignedStop[], given: Problem): UnassignedStop[] {
  const indexOf = new Map(given.stops.map(({ id }, index) => [id, index]))
  return unassigned.toSorted((a, b) => indexOf.get(a.id)! - indexOf.get(b.id)!)
}
