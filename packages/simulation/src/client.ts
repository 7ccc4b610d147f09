import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Tally } from './tally.ts'

export type Answer<Body = any> = {
  /** 0 when no answer came. */
  status: number
  body: Body
  headers: Record<string, string | string[] | undefined>
}

export type Ask = {
  method?: 'GET' | 'POST'
  path: string
  token?: string | undefined
  body?: unknown
  headers?: Record<string, string>
}

export type Client = ReturnType<typeof createClient>

const CONNECTIONS = 256
const ANSWER_LIMIT_MS = 30_000
/** How often an app tries again while a part of the system is away, and after how long. */
const TRIES = 30
const TRY_AGAIN_MS = 1_000

/** No answer, or one of those by which a gateway says that somebody behind it is away. */
function isOutage(status: number): boolean {
  return [0, 502, 503, 504].includes(status)
}

/**
 * Talks to the system as apps do, and counts every answer by the kind of call. An answer that is no answer has
 * status 0 and is a surprise, like every 5xx.
 * @param hasOutages where parts of the system are taken away on purpose: then apps try again, and only what is no
 * outage is a surprise. All that the simulation asks may be asked twice.
 */
export function createClient(url: string, tally: Tally, hasOutages = false) {
  const pool = new Pool(url, {
    connections: CONNECTIONS,
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
  })

  async function ask<Body = any>(kind: string, request: Ask): Promise<Answer<Body>> {
    let answer = await askOnce<Body>(kind, request)
    for (let tries = 1; hasOutages && isOutage(answer.status) && tries < TRIES; tries += 1) {
      await delay(TRY_AGAIN_MS)
      tally.count('asked again after an outage')
      answer = await askOnce<Body>(kind, request)
    }
    return answer
  }

  async function askOnce<Body>(kind: string, { method = 'GET', path, token, body, headers }: Ask) {
    const sentAt = performance.now()
    const answer = await send<Body>({
      method,
      path,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    tally.answered(kind, answer.status, performance.now() - sentAt)
    const isExpected = hasOutages && isOutage(answer.status)
    if ((answer.status === 0 || answer.status >= 500) && !isExpected) {
      const said = answer.status === 0 ? String(answer.body) : JSON.stringify(answer.body).slice(0, 300)
      tally.surprise(`${kind} answered ${answer.status}: ${said}`)
    }
    return answer
  }

  async function send<Body>(request: Parameters<Pool['request']>[0]): Promise<Answer<Body>> {
    try {
      const { statusCode, headers, body } = await pool.request(request)
      const text = await body.text()
      const isJson = /\bjson\b/.test(String(headers['content-type'])) && text !== ''
      return { status: statusCode, headers, body: isJson ? JSON.parse(text) : (text as Body) }
    } catch (err) {
      return { status: 0, headers: {}, body: (err as Error).message as Body }
    }
  }

  /** For what the simulation cannot go on without. @throws when the answer is not the expected one. */
  async function expect<Body = any>(status: number, kind: string, request: Ask): Promise<Body> {
    const answer = await ask<Body>(kind, request)
    if (answer.status === status) return answer.body
    throw new Error(
      `${request.method ?? 'GET'} ${request.path} answered ${answer.status} instead of ${status}: ` +
        JSON.stringify(answer.body).slice(0, 500),
    )
  }

  return { url, hasOutages, ask, expect, close: () => pool.destroy() }
}
