import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'undici'
import type { KindResult } from './open-loop.ts'
import type { Business } from './population.ts'
import { exchange } from './traffic.ts'

const REORDER_EVERY_MS = 500
const PLAN_EVERY_MS = 3_000
const LOOK_EVERY_MS = 250
/** A plan whose optimizer is stopped waits for the other one. */
const PLAN_LIMIT_MS = 60_000

/** Ops puts the driver's stops into another order twice a second, so that the event streams have something to say. */
export function createDispatcher(pool: Pool, { ops, route }: Business) {
  return repeatedly('dispatch', REORDER_EVERY_MS, async (turn) => {
    const shift = turn % route.stopIds.length
    const stopIds = [...route.stopIds.slice(shift), ...route.stopIds.slice(0, shift)]
    const path = `/v1/dispatch/routes/${route.id}/reorder`
    return (await exchange(pool, 'POST', path, { token: ops.token, body: { stopIds } })).wrong
  })
}

/** Ops plans a day every three seconds; each plan has to be done, whichever optimizer stops meanwhile. */
export function createPlanner(pool: Pool, { ops, planned, date }: Business) {
  return repeatedly('plan', PLAN_EVERY_MS, async () => {
    const body = { hubId: planned.hubId, date }
    const asked = await exchange(pool, 'POST', '/v1/dispatch/plans', { token: ops.token, body, expect: 202 })
    if (asked.wrong !== undefined) return asked.wrong
    const path = `/v1/dispatch/plans/${JSON.parse(asked.text).id}`
    const end = performance.now() + PLAN_LIMIT_MS
    for (;;) {
      const { wrong, text } = await exchange(pool, 'GET', path, { token: ops.token })
      if (wrong !== undefined) return wrong
      const { status } = JSON.parse(text)
      if (status === 'done') return undefined
      if (status === 'failed') return `a plan failed: ${text.slice(0, 300)}`
      if (performance.now() > end) return `a plan is ${status} after ${PLAN_LIMIT_MS / 1_000} s`
      await delay(LOOK_EVERY_MS)
    }
  })
}

/** Does the same again and again with a pause between, and keeps how long each took and what was wrong with it. */
function repeatedly(kind: string, everyMs: number, once: (turn: number) => Promise<string | undefined>) {
  const result: KindResult = { kind, latenciesMs: [], failures: [] }
  const stopping = new AbortController()
  const begin = performance.now()

  const run = async () => {
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      const sentAt = performance.now()
      const wrong = await once(turn)
      result.latenciesMs.push(performance.now() - sentAt)
      if (wrong !== undefined) result.failures.push(`[${((sentAt - begin) / 1_000).toFixed(1)} s] ${wrong}`)
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined)
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
