/** How long a scrape waits for a reading that is just being taken; Prometheus itself waits 10 s. */
const PATIENCE_MS = 250

/** Gives the newest reading, or undefined while there is none or the last try failed. */
export type Sampled<T> = () => Promise<T | undefined>

/**
 * Bounds what a figure costs that has to be asked for: `read` runs when somebody wants the figure and the last try is
 * at least `everyMs` ago, never twice at a time, however many scrapers come how often. A scrape does not wait for a
 * database that does not answer. Failures give undefined, because an old figure would look like a true one.
 */
export function createSampled<T>(read: () => Promise<T>, { everyMs = 10_000 } = {}): Sampled<T> {
  let newest: T | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  const refresh = async () => {
    try {
      newest = await read()
    } catch {
      newest = undefined
    } finally {
      reading = undefined
    }
  }
  return async () => {
    if (reading === undefined && performance.now() - triedAt >= everyMs) {
      triedAt = performance.now()
      reading = refresh()
    }
    if (reading !== undefined) await atMost(PATIENCE_MS, reading)
    return newest
  }
}

async function atMost(limitMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  await Promise.race([work, promise])
  clearTimeout(timer)
}
