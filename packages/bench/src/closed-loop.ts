/** Runs one request and says what came of it: undefined for success, else a few words that say what went wrong. */
export type Attempt = (client: number) => Promise<string | undefined>

export type LoopResult = {
  clients: number
  seconds: number
  succeeded: number
  /** How often each thing went wrong. */
  failures: ReadonlyMap<string, number>
  /** Of the successes, in milliseconds, ascending. */
  latencies: Float64Array
}

/**
 * Each client sends its next request when it has the answer to its last. Ends after `seconds`, or once
 * `maxRequests` were begun; requests under way are finished and count.
 */
export async function runClosedLoop(options: {
  clients: number
  seconds: number
  maxRequests: number
  attempt: Attempt
}): Promise<LoopResult> {
  const { clients, seconds, maxRequests, attempt } = options
  const latencies: number[] = []
  const failures = new Map<string, number>()
  let begun = 0
  const start = performance.now()
  const end = start + seconds * 1_000

  const runClient = async (client: number) => {
    while (begun < maxRequests) {
      const sent = performance.now()
      if (sent >= end) return
      begun += 1
      const wrong = await attempt(client).catch((err: unknown) =>
        err instanceof Error ? err.message : String(err),
      )
      if (wrong === undefined) latencies.push(performance.now() - sent)
      else failures.set(wrong, (failures.get(wrong) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)))
  return {
    clients,
    seconds: (performance.now() - start) / 1_000,
    succeeded: latencies.length,
    failures,
    latencies: Float64Array.from(latencies).toSorted(),
  }
}

/** The latency that `share` (0 to 1) of the successes did not exceed; NaN when there were none. */
export function percentile({ latencies }: LoopResult, share: number): number {
  return latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)] ?? Number.NaN
}

export function failureCount({ failures }: LoopResult): number {
  return [...failures.values()].reduce((sum, count) => sum + count, 0)
}
