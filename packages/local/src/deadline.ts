import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from './failure.ts'

/**
 * Tries until `attempt` succeeds. Between two tries it pauses 25 ms, then longer, at most 250 ms.
 * @throws an error with `describe` and the last reason once `limitMs` are over; at once when `gaveUp` says why or
 * `signal` is aborted.
 */
export async function retryUntil<T>(
  attempt: () => Promise<T>,
  options: {
    limitMs: number
    describe: string
    gaveUp?: () => string | undefined
    signal?: AbortSignal | undefined
  },
): Promise<T> {
  const end = performance.now() + options.limitMs
  for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 1.5, 250)) {
    options.signal?.throwIfAborted()
    const given = options.gaveUp?.()
    if (given !== undefined) throw new Error(`${options.describe}: ${given}`)
    try {
      return await attempt()
    } catch (err) {
      if (performance.now() + pauseMs > end) {
        throw new Error(
          `${options.describe}: not within ${options.limitMs / 1000} s; the last try ended with ${reasonOf(err)}`,
          { cause: err },
        )
      }
    }
    await delay(pauseMs)
  }
}
