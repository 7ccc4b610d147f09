import { EventEmitter } from 'node:events'
import { type Problem, Problem as ProblemSchema } from '@urbanbloom/contracts/problem'
import { Pool, errors as undiciErrors } from 'undici'
import type * as z from 'zod'
import { badGateway, type ErrorKind, kindOfStatus, ServiceError, timeout, unavailable } from './errors.ts'
import { newId } from './ids.ts'
import { currentContext, remainingMs, traceparentFrom } from './request-context.ts'
import { endHttpSpan, startSpan } from './tracing.ts'

export type Peer = ReturnType<typeof createPeer>

type CallOptions = { timeoutMs?: number }

const DEFAULT_TIMEOUT_MS = 5_000
const MAX_TRIES = 3
const FIRST_RETRY_DELAY_MS = 50
/** Every call earns a tenth of a retry, so that retries stay under 10 % of the traffic when a peer is down. */
const RETRY_EARNED = 0.1
const RETRY_BUDGET_MAX = 20

/**
 * A client of one of our own services. Every internal call is idempotent, so a connection that broke and a 503
 * are tried again, within the caller's deadline and a retry budget. Answers of 4xx become a `ServiceError` with
 * the peer's own code; everything else becomes 502, 503 or 504.
 */
export function createPeer(options: { name: string; baseUrl: string; internalToken: string }) {
  const pool = new Pool(options.baseUrl, {
    connections: 64,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    connect: { timeout: 1_000 },
  })
  let retryBudget = RETRY_BUDGET_MAX

  async function call<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    answer: Schema,
    { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions = {},
  ): Promise<z.output<Schema>> {
    const text = JSON.stringify(body)
    retryBudget = Math.min(RETRY_BUDGET_MAX, retryBudget + RETRY_EARNED)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once(path, text, answer, remainingMs(timeoutMs))
      } catch (err) {
        const again =
          err instanceof ServiceError && err.kind === 'unavailable' && attempt < MAX_TRIES && retryBudget >= 1
        const delayMs = FIRST_RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
        if (!again || remainingMs(timeoutMs) < delayMs * 2) throw err
        retryBudget -= 1
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  async function once<Schema extends z.ZodType>(
    path: string,
    body: string,
    answer: Schema,
    budgetMs: number,
  ) {
    if (budgetMs < 1) throw timeout('deadline_exceeded', `No time was left to ask ${options.name}`)
    const context = currentContext()
    const span = startCallSpan(options.name, path)
    let response: Awaited<ReturnType<typeof pool.request>>
    let text: string
    // An emitter of one's own costs a fraction of an AbortSignal, and covers waiting for a connection, too.
    const abort = new EventEmitter()
    const timer = setTimeout(() => abort.emit('abort'), Math.ceil(budgetMs))
    try {
      response = await pool.request({
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${options.internalToken}`,
          'x-request-id': context?.requestId ?? newId(),
          traceparent: span?.traceparent ?? context?.traceparent ?? traceparentFrom(undefined),
          'x-request-timeout-ms': String(Math.floor(budgetMs)),
        },
        body,
        signal: abort,
      })
      text = await response.body.text()
    } catch (err) {
      span?.end({ failure: err })
      throw unreachable(err, options.name)
    } finally {
      clearTimeout(timer)
    }
    endHttpSpan(span, response.statusCode)
    if (response.statusCode >= 400) throw refused(response.statusCode, text, options.name)
    return answer.parse(text === '' ? undefined : JSON.parse(text))
  }

  return { name: options.name, post: call, close: () => pool.close() }
}

function unreachable(err: unknown, peer: string): ServiceError {
  if (err instanceof undiciErrors.RequestAbortedError) {
    return timeout(`${code(peer)}_timeout`, `${peer} did not answer in time`, { cause: err })
  }
  return unavailable(`${code(peer)}_unavailable`, `${peer} cannot be reached; try again shortly`, {
    cause: err,
  })
}

function refused(status: number, text: string, peer: string): ServiceError {
  const problem = parseProblem(text)
  if (status === 503) {
    return unavailable(
      problem?.code ?? `${code(peer)}_unavailable`,
      problem?.detail ?? `${peer} is unavailable`,
    )
  }
  if (status === 504)
    return timeout(problem?.code ?? `${code(peer)}_timeout`, problem?.detail ?? `${peer} timed out`)
  const kind: ErrorKind | null = kindOfStatus(status)
  if (problem === null || status >= 500 || kind === null) {
    return badGateway(`${code(peer)}_failed`, `${peer} answered ${status}`, {
      cause: problem?.code ?? text.slice(0, 200),
    })
  }
  const {
    type: _t,
    title: _i,
    status: _s,
    detail,
    instance: _n,
    code: problemCode,
    requestId: _r,
    errors,
    ...extra
  } = problem
  return new ServiceError(kind, problemCode, detail, { extra, errors })
}

function parseProblem(text: string): Problem | null {
  try {
    return ProblemSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

function startCallSpan(peer: string, path: string) {
  const attributes = { 'server.address': peer, 'http.request.method': 'POST' }
  return startSpan(() => `POST ${patternOf(path)}`, 'client', { attributes })
}

/** Without the ids in it, because a span's name is one of few. */
function patternOf(path: string): string {
  return path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, ':id')
}

function code(peer: string): string {
  return peer.replaceAll('-', '_')
}
