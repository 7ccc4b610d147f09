import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import { solve } from '@urbanbloom/vrp/solve'

export type SolveTask = { problem: Problem; timeLimitMs: number; seed: number }

/** Runs in a thread of its own. */
export function solveProblem({ problem, timeLimitMs, seed }: SolveTask): Solution {
  return solve(problem, { timeLimitMs, seed })
}
