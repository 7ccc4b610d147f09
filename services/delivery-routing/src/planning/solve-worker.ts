import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import { solve } from '@urbanbloom/vrp/solve'
import { respectVanTime, type VanLimits } from './van-time.ts'

export type SolveTask = { problem: Problem; timeLimitMs: number; seed: number; vanLimits: VanLimits }

/** Runs in a thread of its own. */
export function solveProblem({ problem, timeLimitMs, seed, vanLimits }: SolveTask): Solution {
  return respectVanTime(problem, solve(problem, { timeLimitMs, seed }), vanLimits)
}
