import { setTimeout as delay } from 'node:timers/promises'
import type { Kind, Traffic } from './traffic.ts'

export type KindResult = { kind: string; latenciesMs: number[]; failures: string[] }

/** Beyond this many at once the system has stopped to keep up, and so would every client. */
const MAX_IN_FLIGHT = 1_000

/**
 * Sends requests at a constant rate, however long their answers take, until `stop` is called. A latency counts from
 * the moment at which the request was due, so that a late start is not hidden.
 */
export function startOpenLoop(options: { ratePerSecond: number; next: () => Kind; send: Traffic }) {
  const { ratePerSecond, next, send } = options
  const results = new Map<string, KindResult>()
  const inFlight = new Set<Promise<void>>()
  const resultOf = (kind: string): KindResult => {
    const result = results.get(kind) ?? { kind, latenciesMs: [], failures: [] }
    results.set(kind, result)
    return result
  }
  let stopped = false
  const begin = performance.now()

  const one = async (kind: Kind, dueAt: number) => {
    const wrong = await send[kind]?.()
    const result = resultOf(kind)
    result.latenciesMs.push(performance.now() - dueAt)
    if (wrong !== undefined) result.failures.push(`${seconds(dueAt - begin)} ${wrong}`)
  }
  const run = async () => {
    for (let count = 0; !stopped; count += 1) {
      const dueAt = begin + (count * 1_000) / ratePerSecond
      const pauseMs = dueAt - performance.now()
      if (pauseMs > 0) await delay(pauseMs)
      const kind = next()
      if (inFlight.size >= MAX_IN_FLIGHT) {
        resultOf(kind).failures.push(
          `${seconds(dueAt - begin)} not sent: ${MAX_IN_FLIGHT} requests wait for answers`,
        )
        continue
      }
      const sent = one(kind, dueAt).finally(() => inFlight.delete(sent))
      inFlight.add(sent)
    }
  }
  const running = run()

  return {
    results: () => [...results.values()],
    elapsedSeconds: () => (performance.now() - begin) / 1_000,
    /** Sends no more and waits for what is under way. */
    async stop(): Promise<void> {
      stopped = true
      await running
      await Promise.all(inFlight)
    },
  }
}

/** The latency that `share` (0 to 1) did not exceed; NaN when there were none. */
export function percentile(latenciesMs: readonly number[], share: number): number {
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

function seconds(ms: number): string {
  return `[${(ms / 1_000).toFixed(1)} s]`
}
