import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import { Piscina } from 'piscina'
import type { SolveTask } from './solve-worker.ts'
import type { VanLimits } from './van-time.ts'

export type Solver = ReturnType<typeof createSolver>

const IDLE_MS = 60_000
const SEED = 1

/**
 * Solves in a worker thread, so that the event loop stays free, with a deadline that nothing outlives: a thread
 * that takes `graceMs` longer than its limit is ended. Starting it and copying the problem are in that.
 */
export function createSolver({ graceMs = 5_000 } = {}) {
  // Compiled sources end in .js, these in .ts; the worker has the same ending as this file.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const pool = new Piscina({
    filename: new URL(`./solve-worker.${ending}`, import.meta.url).href,
    name: 'solveProblem',
    minThreads: 0,
    maxThreads: 2,
    idleTimeout: IDLE_MS,
  })
  // A late order does not wait for the plan of another day.
  const turns: Record<'day' | 'repair', Promise<unknown>> = {
    day: Promise.resolve(),
    repair: Promise.resolve(),
  }

  async function run(problem: Problem, timeLimitMs: number, vanLimits: VanLimits): Promise<Solution> {
    const task: SolveTask = { problem, timeLimitMs, seed: SEED, vanLimits }
    const signal = AbortSignal.timeout(timeLimitMs + graceMs)
    return (await pool.run(task, { signal })) as Solution
  }

  return {
    /** One at a time in each lane; the deadline of the next begins when its turn comes. */
    solve(
      problem: Problem,
      timeLimitMs: number,
      { lane = 'day', vanLimits = {} }: { lane?: 'day' | 'repair'; vanLimits?: VanLimits } = {},
    ): Promise<Solution> {
      const solution = turns[lane].then(() => run(problem, timeLimitMs, vanLimits))
      turns[lane] = solution.catch(() => undefined)
      return solution
    },
    close: () => pool.close({ force: true }),
  }
}
