import { AsyncLocalStorage } from 'node:async_hooks'

/** What travels with a request through every call that it causes. */
export type RequestContext = {
  requestId: string
  traceparent: string
  /** Milliseconds of `performance.now()` after which nobody waits for the answer. */
  deadlineAt: number
}

const storage = new AsyncLocalStorage<RequestContext>()

export function runInContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}

/** The context of the request or job at work, or undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore()
}

/** Milliseconds until the current deadline, at most `limitMs`; never below 0. */
export function remainingMs(limitMs: number): number {
  const context = storage.getStore()
  if (context === undefined) return limitMs
  return Math.max(0, Math.min(limitMs, context.deadlineAt - performance.now()))
}

/** The trace's id, 32 hexadecimal digits, which logs, exemplars and traces have in common. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

const traceparentPattern = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The caller's W3C `traceparent` where it is well formed, else a new, unsampled one. */
export function traceparentFrom(header: string | undefined): string {
  if (header !== undefined && traceparentPattern.test(header)) return header
  // randomUUID draws from a pool of random bytes, which costs a tenth of asking the system each time.
  const traceId = crypto.randomUUID().replaceAll('-', '')
  const spanId = crypto.randomUUID().replaceAll('-', '').slice(16)
  return `00-${traceId}-${spanId}-00`
}
