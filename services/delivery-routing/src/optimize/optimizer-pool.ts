import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { ServiceError, unavailable } from '@urbanbloom/service-kit/errors'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { Piscina } from 'piscina'
import type { TravelTimes } from '../travel/travel-times.ts'
import { epochMs, type OptimizeTask, type WorkerMessage, type WorkerResult } from './optimize-job.ts'
import { createOptimizeMetrics } from './optimize-metrics.ts'
import { createTravelFinder, type TravelFinder } from './travel-finder.ts'

export type OptimizerPool = ReturnType<typeof createOptimizerPool>

export type OptimizeJob = {
  body: Uint8Array
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal
  /** Called once the request is known to be good. */
  onBegun?: () => void
  onProgress?: (progress: { cost: number; elapsedMs: number }) => void
}

type Options = {
  threads: number
  /** How many threads search for one request together; by default as many as the processor has for each request. */
  searchThreads?: number
  /** How many of them start at once and are kept: starting one takes a good part of a second. */
  warmThreads?: number
  /** How many requests may wait for a thread. */
  queueMax: number
  /** How long a request may wait and be read before its own deadline is known. */
  waitMs?: number
  /** How much longer than its deadline a thread may take before it is ended. */
  graceMs?: number
  /** The most that the heap of one thread may hold. */
  memoryMib?: number
  travelTimes: TravelTimes
  metrics: Metrics
}

const IDLE_MS = 60_000

/** With more threads, each has too few routes for itself on most problems. */
const MAX_SEARCH_THREADS = 4

/** Why a thread was ended before it was done. */
type Ending = 'cancelled' | 'late' | 'overrun' | 'stopping'

/** A request that waits or is worked on. */
type Running = { begun: boolean; stop: Int32Array; end: (why: Ending) => void }

/**
 * Threads that carry out requests, one each at a time, with a bounded queue in front. A request ends its thread with
 * it when nobody waits for the answer, when it overruns, or when it needs too much memory; the next one gets a new
 * thread.
 */
export function createOptimizerPool(options: Options) {
  const {
    threads,
    searchThreads = coresEach(threads),
    warmThreads = 0,
    queueMax,
    waitMs = 20_000,
    graceMs = 5_000,
    memoryMib = 512,
  } = options
  const metrics = createOptimizeMetrics(options.metrics)
  const travel = createTravelFinder(options.travelTimes)
  const pool = createThreads({ threads, warmThreads, memoryMib })
  const jobs = new Set<Running>()
  let stopping = false
  metrics.watch(() => ({
    running: Math.min(jobs.size, threads),
    waiting: Math.max(0, jobs.size - threads),
  }))

  async function carryOut(job: OptimizeJob): Promise<WorkerResult> {
    const arrivedAt = epochMs()
    const waits = jobs.size >= threads
    const stop = new SharedArrayBuffer(4)
    const { port1, port2 } = new MessageChannel()
    const abort = new AbortController()
    const end = (why: Ending) => abort.abort(why)
    const leave = () => end('cancelled')
    const running: Running = { begun: false, stop: new Int32Array(stop), end }
    const timer = setTimeout(end, waitMs, 'late')
    listen(port1, { job, running, timer, graceMs, travel, signal: abort.signal })
    jobs.add(running)
    job.signal.addEventListener('abort', leave)
    if (job.signal.aborted) leave()
    try {
      const task: OptimizeTask = { body: job.body, arrivedAt, waits, stop, searchThreads, port: port2 }
      return (await pool.run(task, { transferList: [port2], signal: abort.signal })) as WorkerResult
    } catch (error) {
      throw abort.signal.aborted ? endedBy(abort.signal.reason as Ending) : brokenBy(error)
    } finally {
      jobs.delete(running)
      clearTimeout(timer)
      job.signal.removeEventListener('abort', leave)
      port1.close()
    }
  }

  return {
    metrics,
    /** Carries out a request. Throws a `ServiceError` where it comes to no result. */
    async run(job: OptimizeJob): Promise<WorkerResult> {
      if (stopping) throw endedBy('stopping')
      if (jobs.size < threads + queueMax) return carryOut(job)
      const detail = `All ${threads} threads are busy and ${queueMax} requests wait; try again`
      throw unavailable('optimizer_busy', detail, { retryAfterSeconds: 5 })
    },
    /** Ends every search with the best plan that it has, and sends away who waits. */
    finish(): void {
      stopping = true
      for (const { begun, stop, end } of jobs) {
        if (begun) Atomics.store(stop, 0, 1)
        else end('stopping')
      }
    },
    close: () => pool.close({ force: true }),
  }
}

/** Cores for each of so many requests at a time. Where a limit of CPU time holds for the process, it counts as its cores. */
function coresEach(requests: number): number {
  return Math.max(1, Math.min(MAX_SEARCH_THREADS, Math.floor(availableParallelism() / requests)))
}

function createThreads(size: { threads: number; warmThreads: number; memoryMib: number }): Piscina {
  // Compiled sources end in .js, these in .ts; the worker has the same ending as this file.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new Piscina({
    filename: new URL(`./optimize-worker.${ending}`, import.meta.url).href,
    name: 'optimize',
    minThreads: Math.min(size.warmThreads, size.threads),
    maxThreads: size.threads,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: size.memoryMib },
  })
}

/** Answers what a worker says, and gives it a deadline of its own once its request is read. */
function listen(
  port: MessagePort,
  context: {
    job: OptimizeJob
    running: Running
    timer: NodeJS.Timeout
    graceMs: number
    travel: TravelFinder
    signal: AbortSignal
  },
): void {
  const { job, running, timer, graceMs, travel, signal } = context
  let deadlineAt = 0
  const answerTravel = async (points: Parameters<TravelFinder>[0]) => {
    const answer = await travel(points, deadlineAt)
    if (!signal.aborted) port.postMessage(answer)
  }
  port.on('message', (message: WorkerMessage) => {
    switch (message.type) {
      case 'begun': {
        running.begun = true
        deadlineAt = message.deadlineAt
        clearTimeout(timer)
        const overrun = setTimeout(running.end, Math.max(0, deadlineAt - epochMs()) + graceMs, 'overrun')
        port.once('close', () => clearTimeout(overrun))
        job.onBegun?.()
        return
      }
      case 'travel':
        void answerTravel(message.points)
        return
      case 'progress':
        job.onProgress?.(message)
    }
  })
}

function endedBy(why: Ending): ServiceError {
  if (why === 'stopping') return unavailable('shutting_down', 'This process is stopping; try again')
  if (why === 'cancelled') return unavailable('request_cancelled', 'The client has left')
  const detail =
    why === 'late'
      ? 'The request waited for a thread for longer than it may take; try again'
      : 'The search took much longer than it may; try again, or give it more time'
  return unavailable(why === 'late' ? 'optimizer_busy' : 'optimizer_overrun', detail, {
    retryAfterSeconds: 5,
  })
}

/** The refusal of a problem whose search ran out of memory. */
export function tooLarge(): ServiceError {
  return new ServiceError('too_large', 'problem_too_large', 'The problem needs more memory than one may have')
}

function brokenBy(error: unknown): ServiceError {
  if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return tooLarge()
  }
  const detail = 'Something went wrong on our side; the request id finds it in our logs'
  return new ServiceError('internal', 'internal_error', detail, { cause: error })
}
