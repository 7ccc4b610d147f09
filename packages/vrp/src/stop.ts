/** When the search ends. Without either limit, it ends after `DEFAULT_TIME_LIMIT_MS`. */
export interface Limits {
  readonly timeLimitMs?: number
  readonly maxIterations?: number
  /** Milliseconds on any axis; `performance.now` unless a test brings its own clock. */
  readonly now?: () => number
}

export const DEFAULT_TIME_LIMIT_MS = 1_000

/** A deadline is overrun by about this much, or by one iteration if that is more. */
const LOOK_EVERY_MS = 0.5
const MAX_STRIDE = 64

/** The first plan may take so much of the time, or `LEAST_CONSTRUCTION_MS` if that is more, but never more than half of it. */
const CONSTRUCTION_SHARE = 0.1
const LEAST_CONSTRUCTION_MS = 75

/** Decides when to stop. This is the only file that reads a clock. */
export class StopCriterion {
  readonly #now: () => number
  readonly #startMs: number
  readonly #timeLimitMs: number
  /** When the search ends, so that what comes after it is done in time. */
  #searchLimitMs: number
  readonly #maxIterations: number
  iterations = 0
  /** From 0 at the beginning to 1 at whichever limit comes first. */
  progress = 0

  constructor(limits: Limits) {
    this.#now = limits.now ?? (() => performance.now())
    this.#startMs = this.#now()
    const unlimited = limits.timeLimitMs === undefined && limits.maxIterations === undefined
    this.#timeLimitMs = limits.timeLimitMs ?? (unlimited ? DEFAULT_TIME_LIMIT_MS : Number.POSITIVE_INFINITY)
    this.#searchLimitMs = this.#timeLimitMs
    this.#maxIterations = limits.maxIterations ?? Number.POSITIVE_INFINITY
    this.#advance()
  }

  /** The clock is read once in so many iterations, because reading it can cost as much as an iteration. */
  #stride = 1
  #untilLook = 0
  #lastLookMs = 0
  #byTime = 0

  /** True when no further iteration may start; otherwise counts one. */
  reached(): boolean {
    this.#advance()
    if (this.progress >= 1) return true
    this.iterations++
    return false
  }

  /** Ends the search so much before the time limit, but leaves it half of the time. */
  reserve(milliseconds: number): void {
    // What comes before the search is long beside an iteration: the first one looks at the clock.
    this.#untilLook = 0
    this.#searchLimitMs = this.#timeLimitMs - Math.min(milliseconds, this.#timeLimitMs / 2)
  }

  /** Whether the first plan has taken so much time that it should be finished by the shortest way. */
  isConstructionOver(): boolean {
    if (this.#timeLimitMs === Number.POSITIVE_INFINITY) return false
    const share = Math.max(LEAST_CONSTRUCTION_MS, CONSTRUCTION_SHARE * this.#timeLimitMs)
    return this.elapsedMs() >= Math.min(share, this.#searchLimitMs / 2)
  }

  /** Whether the time of the search is up. */
  isOverdue(): boolean {
    return this.#timeLimitMs < Number.POSITIVE_INFINITY && this.elapsedMs() >= this.#searchLimitMs
  }

  elapsedMs(): number {
    return this.#now() - this.#startMs
  }

  #advance(): void {
    // An unlimited clock is not read: with `maxIterations` alone the result cannot depend on time.
    if (this.#timeLimitMs < Number.POSITIVE_INFINITY && --this.#untilLook <= 0) this.#look()
    this.progress = Math.min(1, Math.max(this.#byTime, fraction(this.iterations, this.#maxIterations)))
  }

  #look(): void {
    const elapsedMs = this.elapsedMs()
    const sinceLastLook = elapsedMs - this.#lastLookMs
    if (sinceLastLook < LOOK_EVERY_MS / 2) this.#stride = Math.min(MAX_STRIDE, this.#stride * 2)
    else if (sinceLastLook > LOOK_EVERY_MS) this.#stride = Math.max(1, this.#stride >> 1)
    this.#lastLookMs = elapsedMs
    this.#untilLook = this.#stride
    this.#byTime = fraction(elapsedMs, this.#searchLimitMs)
  }
}

function fraction(used: number, limit: number): number {
  return limit > 0 ? used / limit : 1
}
