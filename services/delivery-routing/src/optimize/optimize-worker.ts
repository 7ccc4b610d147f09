import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { InvalidProblemError } from '@urbanbloom/vrp/problem'
import { carryOutInThreads, toAnswer, WrongAnswerError } from './carry-out.ts'
import { InvalidRequestError } from './faults.ts'
import {
  epochMs,
  type OptimizeTask,
  type TravelAnswer,
  type WorkerMessage,
  type WorkerResult,
} from './optimize-job.ts'
import { readRequest } from './read-request.ts'
import type { OptimizeRequest, PreparedRequest } from './request.ts'

const PROGRESS_EVERY_MS = 200
/** What comes after the search: explaining, checking, timing and writing the answer. */
const FINISH_MS = 4
const FINISH_MS_PER_TASK = 0.02

/** Carries out one request in a thread of its own, from its bytes to the bytes of its answer. */
export async function optimize(task: OptimizeTask): Promise<WorkerResult> {
  try {
    return await carryOutTask(task)
  } catch (error) {
    if (error instanceof InvalidRequestError) {
      return { kind: 'refused', code: 'validation_failed', detail: error.message, faults: error.faults }
    }
    if (error instanceof WrongAnswerError || error instanceof InvalidProblemError) {
      const fingerprint = createHash('sha256').update(task.body).digest('hex').slice(0, 16)
      return { kind: 'wrong', detail: error.message, fingerprint }
    }
    if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') return { kind: 'too_large' }
    throw error
  } finally {
    task.port.close()
  }
}

async function carryOutTask(task: OptimizeTask): Promise<WorkerResult> {
  const { body, arrivedAt, waits, stop, port } = task
  const json = parse(body)
  if ('detail' in json) return { kind: 'refused', code: 'invalid_json', detail: json.detail }
  const request = readRequest(json.value)
  const deadlineAt = arrivedAt + request.options.timeLimitMs
  // The first plan is always completed: who waited for too long is told to try again, rather than given a poor plan.
  if (waits && epochMs() >= deadlineAt) return { kind: 'late' }
  const say = (message: WorkerMessage) => port.postMessage(message)
  say({ type: 'begun', deadlineAt })
  const travelFrom = performance.now()
  const prepared = await prepare(request, port)
  const routing = Math.round(performance.now() - travelFrom)
  const flag = new Int32Array(stop)
  let saidAt = 0
  const search = {
    timeLimitMs: Math.max(0, deadlineAt - epochMs() - FINISH_MS - FINISH_MS_PER_TASK * request.tasks.length),
    now: () => (Atomics.load(flag, 0) === 1 ? Number.POSITIVE_INFINITY : performance.now()),
    onImprovement: (cost: number) => {
      const now = performance.now()
      if (now - saidAt < PROGRESS_EVERY_MS) return
      saidAt = now
      say({ type: 'progress', cost: Math.round(cost), elapsedMs: Math.round(epochMs() - arrivedAt) })
    },
  }
  const outcome = await carryOutInThreads(prepared, search, { threads: task.searchThreads, stop })
  const { solvingMs, unassigned } = outcome
  const loading = Math.max(0, Math.round(epochMs() - arrivedAt) - solvingMs - routing)
  const answer = toAnswer(prepared, outcome, { loading, solving: solvingMs, routing })
  return {
    kind: 'answered',
    text: JSON.stringify(answer),
    solvingMs,
    tasks: request.tasks.length,
    unassigned: unassigned.length,
  }
}

function parse(body: Uint8Array): { value: unknown } | { detail: string } {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown }
  } catch (error) {
    return { detail: `The body is not JSON: ${(error as Error).message.slice(0, 200)}` }
  }
}

async function prepare(request: OptimizeRequest, port: OptimizeTask['port']): Promise<PreparedRequest> {
  const { matrices, points } = request
  if (matrices !== null) return { ...request, matrices }
  const message: WorkerMessage = { type: 'travel', points }
  const answered = once(port, 'message')
  port.postMessage(message)
  const [answer] = (await answered) as [TravelAnswer]
  if ('failed' in answer) throw new Error('no travel times could be found')
  const { durations, distances } = answer
  return { ...request, matrices: new Map([['car', { durations, distances, costs: null }]]) }
}
