import { setTimeout as delay } from 'node:timers/promises'

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 100

/**
 * Polls until `condition` gives something other than false, null or undefined, and resolves with it. A condition
 * that throws counts as not yet met.
 * @throws an error that names `describe` and the last outcome when `timeoutMs` (10 s unless given) are over.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { describe: string; timeoutMs?: number },
): Promise<NonNullable<Exclude<T, false>>> {
  const timeoutMs = options.timeoutMs ?? 10_000
  const end = performance.now() + timeoutMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    let failure: unknown
    let outcome = 'not yet'
    try {
      const value = await condition()
      if (value !== false && value !== null && value !== undefined)
        return value as NonNullable<Exclude<T, false>>
      outcome = `it gave ${String(value)}`
    } catch (err) {
      failure = err
      outcome = `it threw: ${err instanceof Error ? err.message : String(err)}`
    }
    if (performance.now() + pauseMs > end) {
      throw new Error(`Not within ${timeoutMs} ms: ${options.describe} (at the last try ${outcome})`, {
        cause: failure,
      })
    }
    await delay(pauseMs)
  }
}
