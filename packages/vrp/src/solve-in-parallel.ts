import { Worker } from 'node:worker_threads'
import { MeetingPlace } from './meeting-place.ts'
import type { Problem } from './problem.ts'
import type { Solution } from './solution.ts'
import { DEFAULT_TIME_LIMIT_MS } from './stop.ts'
import { validateProblem } from './validate-problem.ts'

/** How long to search, in how many threads, and from which seed. */
export interface ParallelOptions {
  /** At least two; more than the machine has cores only cost. */
  readonly threads: number
  readonly timeLimitMs?: number
  /** For each thread. */
  readonly maxIterations?: number
  readonly seed?: number
}

/** What a thread is told. */
export interface MemberTask {
  readonly problem: Problem
  readonly memory: SharedArrayBuffer
  readonly thread: number
  readonly threads: number
  readonly seed: number
  readonly maxIterations: number | undefined
  /** On the axis of `performance.timeOrigin + performance.now()`, which all threads share. */
  readonly deadlineMs: number | undefined
}

/**
 * Does what `solve` does in several threads that plan the problem together, see `team.ts`: on several cores a better
 * plan in the same time. The same problem, seed, number of threads and `maxIterations` without a time limit give the
 * same plan. Starting the threads takes a good part of 100 ms, which counts: below half a second `solve` is better,
 * and keeps its limit more exactly. `iterations` counts those of the first thread. Throws `InvalidProblemError`, and
 * whatever a thread fails with; the other threads end then.
 */
export async function solveInParallel(problem: Problem, options: ParallelOptions): Promise<Solution> {
  const startMs = nowMs()
  validateProblem(problem)
  const { threads, maxIterations, seed = 1 } = options
  const isUnlimited = options.timeLimitMs === undefined && maxIterations === undefined
  const timeLimitMs = isUnlimited ? DEFAULT_TIME_LIMIT_MS : options.timeLimitMs
  const memory = new SharedArrayBuffer(
    MeetingPlace.bytes(problem.stops.length, problem.vehicles.length, threads),
  )
  const deadlineMs = timeLimitMs === undefined ? undefined : startMs + timeLimitMs
  const workers = Array.from({ length: threads }, (_, thread) => {
    const task: MemberTask = { problem, memory, thread, threads, seed, maxIterations, deadlineMs }
    return new Worker(workerFile(), { workerData: task })
  })
  try {
    const solutions = await Promise.all(workers.map(answerOf))
    return { ...solutions[0]!, elapsedMs: nowMs() - startMs }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

function answerOf(worker: Worker): Promise<Solution> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) =>
      reject(new Error(`a thread of the optimizer ended early, with code ${code}`)),
    )
  })
}

/** Compiled sources end in .js, these in .ts; the worker has the same ending as this file. */
function workerFile(): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./team-worker.${ending}`, import.meta.url)
}
