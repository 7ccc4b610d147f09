import { request as send } from 'undici'

export type HttpAnswer<Body = any> = {
  status: number
  headers: Record<string, string | undefined>
  /** Parsed where the answer is JSON, else the text. */
  body: Body
}

const TIMEOUT_MS = 20_000

/**
 * Sends one request and gives the answer, whatever its status. A `body` that is a string goes as it is, anything
 * else as JSON.
 * @throws only when no answer comes.
 */
export async function request<Body = any>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS',
  url: string,
  options: {
    token?: string | undefined
    body?: unknown
    headers?: Record<string, string>
    timeoutMs?: number
  } = {},
): Promise<HttpAnswer<Body>> {
  const { token, body, timeoutMs = TIMEOUT_MS } = options
  const answer = await send(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  const text = await answer.body.text()
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  )
  const isJson = /\bjson\b/.test(headers['content-type'] ?? '') && text !== ''
  return { status: answer.statusCode, headers, body: isJson ? JSON.parse(text) : (text as Body) }
}

/** Like `request`, for a step on the way to what a test is about: any other status than `expected` is an error. */
export async function requestExpecting<Body = any>(
  expected: number,
  ...[method, url, options]: Parameters<typeof request>
): Promise<Body> {
  const answer = await request<Body>(method, url, options)
  if (answer.status !== expected) {
    throw new Error(
      `${method} ${url} answered ${answer.status} instead of ${expected}: ${JSON.stringify(answer.body)}`,
    )
  }
  return answer.body
}
