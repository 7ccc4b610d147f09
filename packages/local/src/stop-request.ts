const ORPHAN_CHECK_MS = 1_000
/** A terminal's one Ctrl-C can reach us twice, directly and through npm; a second one in earnest comes later. */
const SAME_KEY_PRESS_MS = 1_000

/**
 * Calls `onStop` at the first SIGINT, SIGTERM or SIGHUP, or when the process that started us is gone, and
 * `onForce` at a later signal. `onForce` runs as well when we leave in any other way.
 */
export function watchForStop(handlers: { onStop: (why: string) => void; onForce: () => void }): void {
  let firstAt: number | undefined
  const request = (why: string) => {
    if (firstAt === undefined) {
      firstAt = performance.now()
      handlers.onStop(why)
    } else if (performance.now() - firstAt > SAME_KEY_PRESS_MS) {
      handlers.onForce()
      process.exit(1)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request)

  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent && firstAt === undefined) request('its terminal is gone')
  }, ORPHAN_CHECK_MS).unref()
  process.once('exit', handlers.onForce)
}
