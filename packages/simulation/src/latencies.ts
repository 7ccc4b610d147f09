/** Neighbouring limits are 5 % apart, which is how precise a percentile is. */
const GROWTH = 1.05
const LEAST_MS = 0.1

/** Counts by size, so that millions of latencies take a few kilobytes. */
export class Latencies {
  readonly #counts: number[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(ms / LEAST_MS) / Math.log(GROWTH)))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
  }

  /** Milliseconds that `share` (0 to 1) did not exceed; NaN when there were none. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(this.#count * share))
    for (const [bucket, count = 0] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return LEAST_MS * GROWTH ** bucket
    }
    return Number.NaN
  }
}
