import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'undici'
import type { KindResult } from './open-loop.ts'
import type { Business } from './population.ts'
import { exchange } from './traffic.ts'

const EVERY_MS = 500

/** Ops puts the driver's stops into another order twice a second, so that the event streams have something to say. */
export function createDispatcher(pool: Pool, { ops, route }: Business) {
  const result: KindResult = { kind: 'dispatch', latenciesMs: [], failures: [] }
  const stopping = new AbortController()
  const begin = performance.now()

  const run = async () => {
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      const shift = turn % route.stopIds.length
      const stopIds = [...route.stopIds.slice(shift), ...route.stopIds.slice(0, shift)]
      const sentAt = performance.now()
      const path = `/v1/dispatch/routes/${route.id}/reorder`
      const { wrong } = await exchange(pool, 'POST', path, { token: ops.token, body: { stopIds } })
      result.latenciesMs.push(performance.now() - sentAt)
      if (wrong !== undefined) result.failures.push(`[${((sentAt - begin) / 1_000).toFixed(1)} s] ${wrong}`)
      await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    result,
    async stop(): Promise<void> {
      stopping.abort()
      await running
    },
  }
}
