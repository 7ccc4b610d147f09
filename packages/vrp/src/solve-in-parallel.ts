import { isMainThread, resourceLimits, Worker } from 'node:worker_threads'
import type { Worth } from './acceptance.ts'
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
  /** Told of the first plan of the first thread and of its better ones, at most five times a second. */
  readonly onImprovement?: (worth: Worth) => void
  /** Four bytes: once they hold 1, the search ends with the best plan so far. Needs a time limit. */
  readonly stop?: SharedArrayBuffer
}

/** Handing over the answer of the first thread takes about so long. */
const HANDOVER_MS = 2
const HANDOVER_MS_PER_STOP = 0.003

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
  readonly stop: SharedArrayBuffer | undefined
}

/** What the first thread says. The others only say that they are done. */
export type MemberMessage = { readonly worth: Worth } | { readonly solution: Solution | null }

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
  const handoverMs = HANDOVER_MS + HANDOVER_MS_PER_STOP * problem.stops.length
  const deadlineMs = timeLimitMs === undefined ? undefined : startMs + timeLimitMs - handoverMs
  const shared = withSharedMatrices(problem)
  const workers = Array.from({ length: threads }, (_, thread) => {
    const limits = { seed, maxIterations, deadlineMs, stop: options.stop }
    const workerData: MemberTask = { problem: shared, memory, thread, threads, ...limits }
    // Threads of a thread may hold as much as that one may, each.
    return new Worker(workerFile(), { workerData, ...(!isMainThread && { resourceLimits }) })
  })
  try {
    const solutions = await Promise.all(workers.map((worker) => answerOf(worker, options.onImprovement)))
    return { ...solutions[0]!, elapsedMs: nowMs() - startMs }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** The same problem with its matrices in memory that threads share instead of copying it. */
function withSharedMatrices(problem: Problem): Problem {
  const copies = new Map<Int32Array, Int32Array>()
  const share = (matrix: Int32Array): Int32Array => {
    const known = copies.get(matrix)
    if (known) return known
    const copy = new Int32Array(new SharedArrayBuffer(matrix.byteLength))
    copy.set(matrix)
    copies.set(matrix, copy)
    return copy
  }
  return {
    ...problem,
    durationsSeconds: share(problem.durationsSeconds),
    distancesMeters: share(problem.distancesMeters),
    vehicles: problem.vehicles.map((vehicle) =>
      vehicle.durationsSeconds ? { ...vehicle, durationsSeconds: share(vehicle.durationsSeconds) } : vehicle,
    ),
  }
}

function answerOf(worker: Worker, onImprovement?: (worth: Worth) => void): Promise<Solution | null> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: MemberMessage) => {
      if ('worth' in message) onImprovement?.(message.worth)
      else resolve(message.solution)
    })
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
