import { MessageChannel } from 'node:worker_threads'
import { ServiceError, unavailable } from '@urbanbloom/service-kit/errors'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { Piscina } from 'piscina'
import type { TravelTimes } from '../travel/travel-times.ts'
import { epochMs, type OptimizeTask, type WorkerMessage, type WorkerResult } from './optimize-job.ts'
import { createOptimizeMetrics } from './optimize-metrics.ts'
import { createTravelFinder } from './travel-finder.ts'

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

/** Why a thread was ended before it was done. */
type Ending = 'cancelled' | 'late' | 'overrun' | 'stopping'

/**
 * Threads that carry out requests, one each at a time, with a bounded queue in front. A request ends its thread with
 * it when nobody waits for the answer, when it overruns, or when it needs too much memory; the next one gets a new thread.
 */
export function createOptimizerPool(options: Options) {
  const { threads, warmThreads = 0, queueMax, waitMs = 20_000, graceMs = 5_000, memoryMib = 768 } = options
  const metrics = createOptimizeMetrics(options.metrics)
  const travel = createTravelFinder(options.travelTimes)
  // Compiled sources end in .js, these in .ts; the worker has the same ending as this file.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const pool = new Piscina({
    filename: new URL(`./optimize-worker.${ending}`, import.meta.url).href,
    name: 'optimize',
    minThreads: Math.min(warmThreads, threads),
    maxThreads: threads,
    maxQueue: queueMax + threads,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: memoryMib },
  })
  const jobs = new Set<{ begun: boolean; stop: Int32Array; end: (why: Ending) => void }>()
  let stopping = false
  metrics.watch(() => ({ running: Math.min(jobs.size, threads), waiting: Math.max(0, jobs.size - threads) }))

  async function carryOut(job: OptimizeJob): Promise<WorkerResult> {
    const arrivedAt = epochMs()
    const stop = new SharedArrayBuffer(4)
    const { port1, port2 } = new MessageChannel()
    const abort = new AbortController()
    const end = (why: Ending) => abort.abort(why)
    const waits = jobs.size >= threads
    const entry = { begun: false, stop: new Int32Array(stop), end }
    let timer = setTimeout(end, waitMs, 'late')
    const leave = () => end('cancelled')
    port1.on('message', (message: WorkerMessage) => {
      if (message.type === 'progress') job.onProgress?.(message)
      else if (message.type === 'travel')
        void travel(message.points, entryDeadline).then((a) => port1.postMessage(a))
      else {
        entry.begun = true
        entryDeadline = message.deadlineAt
        clearTimeout(timer)
        timer = setTimeout(end, Math.max(0, message.deadlineAt - epochMs()) + graceMs, 'overrun')
        job.onBegun?.()
      }
    })
    let entryDeadline = arrivedAt
    jobs.add(entry)
    job.signal.addEventListener('abort', leave)
    if (job.signal.aborted) leave()
    try {
      const task: OptimizeTask = { body: job.body, arrivedAt, waits, stop, port: port2 }
      return (await pool.run(task, { transferList: [port2], signal: abort.signal })) as WorkerResult
    } catch (error) {
      throw abort.signal.aborted ? endedBy(abort.signal.reason as Ending) : brokenBy(error)
    } finally {
      jobs.delete(entry)
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
      if (jobs.size >= threads + queueMax) {
        metrics.jobs.inc({ outcome: 'queue_full' })
        const detail = `All ${threads} threads are busy and ${queueMax} requests wait; try again`
        throw unavailable('optimizer_busy', detail, { retryAfterSeconds: 5 })
      }
      return carryOut(job)
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

function brokenBy(error: unknown): ServiceError {
  if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new ServiceError(
      'too_large',
      'problem_too_large',
      'The problem needs more memory than one may have',
    )
  }
  const detail = 'Something went wrong on our side; the request id finds it in our logs'
  return new ServiceError('internal', 'internal_error', detail, { cause: error })
}
