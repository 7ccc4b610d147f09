import type { MessagePort } from 'node:worker_threads'
import type { Fault } from './faults.ts'

/** What a worker gets. `body` is the request as it came; `stop` is set to 1 to make the search end now. */
export type OptimizeTask = {
  body: Uint8Array
  /** When the whole request had arrived, in milliseconds of the Unix epoch: deadlines count from then. */
  arrivedAt: number
  /** Whether all threads were busy at that moment. */
  waits: boolean
  stop: SharedArrayBuffer
  /** How many threads may search for this request together. */
  searchThreads: number
  port: MessagePort
}

/** What a worker says while it works. */
export type WorkerMessage =
  /** The request was read and is good. */
  | { type: 'begun'; deadlineAt: number }
  /** It needs travel times between these points, as a `TravelAnswer`. */
  | { type: 'travel'; points: readonly { latitude: number; longitude: number }[] }
  | { type: 'progress'; cost: number; elapsedMs: number }

export type TravelAnswer = { durations: Int32Array; distances: Int32Array } | { failed: true }

/** How it ended. */
export type WorkerResult =
  | { kind: 'answered'; text: string; solvingMs: number; tasks: number; unassigned: number }
  | { kind: 'refused'; code: 'invalid_json' | 'validation_failed'; detail: string; faults?: readonly Fault[] }
  /** It waited for longer than it may take. */
  | { kind: 'late' }
  /** A thread that searched needed more memory than one may have. */
  | { kind: 'too_large' }
  /** The answer did not pass its check. `fingerprint` tells equal problems by. */
  | { kind: 'wrong'; detail: string; fingerprint: string }

/** Milliseconds of the Unix epoch by a clock that does not jump. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now()
}
