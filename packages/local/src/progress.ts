/**
 * Runs a step and tells the terminal about it: `doing` while it takes its time, `done` at its end. A part of another
 * step has no `doing`.
 */
export type Step = <T>(doing: string | undefined, done: string, work: () => Promise<T>) => Promise<T>

const SLOW_AFTER_MS = 700
const REMIND_EVERY_MS = 10_000

/** Prints each step when it is done, and before that when it takes its time, so that the terminal is never silent. */
export function createProgress(print: (line: string) => void): Step {
  return async (doing, done, work) => {
    const start = performance.now()
    const seconds = () => ((performance.now() - start) / 1000).toFixed(1)
    const tell = (more: string) => doing !== undefined && print(`  … ${doing}${more}`)
    const slow = setTimeout(() => tell(''), SLOW_AFTER_MS)
    const reminder = setInterval(() => tell(`, ${seconds()} s so far`), REMIND_EVERY_MS)
    try {
      const result = await work()
      print(`  ✓ ${done} (${seconds()} s)`)
      return result
    } finally {
      clearTimeout(slow)
      clearInterval(reminder)
    }
  }
}
