import type { Model } from './model.ts'
import { type Snapshot, snapshotLength } from './snapshot.ts'

/** A thread that does not come within this time has failed. */
const PATIENCE_MS = 30_000

const HEADER = 3

/** Memory in which threads leave snapshots for each other. Everybody waits until all have come. */
export class MeetingPlace {
  /** How many have come to this meeting, how many meetings there were, and after how many they are over. */
  readonly #state: Int32Array
  readonly #snapshots: readonly (readonly Snapshot[])[]
  readonly #threads: number
  #meetings = 0
  #isOver = false

  constructor(model: Model, memory: SharedArrayBuffer, threads: number) {
    const length = snapshotLength(model)
    this.#threads = threads
    this.#state = new Int32Array(memory, 0, HEADER)
    // Two sets by turns: nobody writes into one that others may still read, as all of them must come in between.
    this.#snapshots = [0, 1].map((set) =>
      Array.from({ length: threads }, (_, thread) => {
        return new Int32Array(memory, 4 * (HEADER + (set * threads + thread) * length), length)
      }),
    )
  }

  /** How many bytes the threads need to share. */
  static bytes(stopCount: number, vehicleCount: number, threads: number): number {
    return 4 * (HEADER + 2 * threads * (2 * stopCount + 2 * vehicleCount + 1))
  }

  /** Where a thread writes what it brings to the next meeting. */
  desk(thread: number): Snapshot {
    return this.#snapshots[this.#meetings % 2]![thread]!
  }

  /** Whether the last meeting is behind us. */
  isOver(): boolean {
    return this.#isOver
  }

  /** Waits for all threads and returns what each of them brought. It is the last meeting if it is for one of them. */
  meet(isLast: boolean): readonly Snapshot[] {
    const meeting = this.#meetings
    if (isLast) Atomics.store(this.#state, 2, meeting + 1)
    if (Atomics.add(this.#state, 0, 1) === this.#threads - 1) {
      Atomics.store(this.#state, 0, 0)
      Atomics.add(this.#state, 1, 1)
      Atomics.notify(this.#state, 1)
    } else if (Atomics.wait(this.#state, 1, meeting, PATIENCE_MS) === 'timed-out')
      throw new Error(`a thread did not come to meeting ${meeting} within ${PATIENCE_MS / 1_000} s`)
    this.#meetings++
    this.#isOver = Atomics.load(this.#state, 2) === meeting + 1
    return this.#snapshots[meeting % 2]!
  }
}
