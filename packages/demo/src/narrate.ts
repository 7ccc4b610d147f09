import { request } from 'undici'

/** Why the demo stops: one sentence for the person who watches. */
export class DemoStopped extends Error {
  override name = 'DemoStopped'
}

export type Answer<Body> = {
  status: number
  body: Body
  headers: Record<string, string | string[] | undefined>
}

export type Call = {
  /** Any other status ends the demo. */
  expect: number
  token?: string
  body?: unknown
  headers?: Record<string, string>
  /** Shown instead of a body whose beginning says little. */
  note?: string
  /** False for a call that is repeated until something happens. */
  isTold?: boolean
}

export type Narrator = ReturnType<typeof createNarrator>

const TIMEOUT_MS = 20_000
const WAIT_LIMIT_MS = 60_000
const POLL_MS = 250
const BODY_WIDTH = 96

/** Tells the story: numbered steps, each call as it goes out, and what came of it. */
export function createNarrator(baseUrl: string, print: (line: string) => void = console.log) {
  let steps = 0

  /** Begins a step of the story. */
  function step(title: string): void {
    steps += 1
    print(`\n${steps}. ${title}`)
  }

  /** The essence of an answer. */
  function say(line: string): void {
    print(`   → ${line}`)
  }

  /** Sends a request and shows it. @throws DemoStopped unless the answer has the expected status. */
  async function call<Body = any>(
    method: 'GET' | 'POST',
    path: string,
    { expect, token, body, headers, note, isTold = true }: Call,
  ): Promise<Answer<Body>> {
    const shown = note ?? (body === undefined ? '' : shorten(JSON.stringify(hideSecrets(body))))
    if (isTold) print(`   ${method} ${path} ${shown}`.trimEnd())
    const answer = await send(baseUrl, method, path, { token, body, headers })
    const text = await answer.body.text()
    if (answer.statusCode !== expect) {
      throw new DemoStopped(
        `${method} ${path} answered ${answer.statusCode} instead of ${expect}: ${text.slice(0, 500)}`,
      )
    }
    const parsed: unknown = text === '' ? undefined : JSON.parse(text)
    return { status: answer.statusCode, body: parsed as Body, headers: answer.headers }
  }

  /** Reads something again and again until it is as it should be. */
  async function until<Body = any>(
    path: string,
    options: { token: string; describe: string; isThere: (body: Body) => boolean },
  ): Promise<Body> {
    const { token, describe, isThere } = options
    print(`   GET ${path} until ${describe}`)
    const end = performance.now() + WAIT_LIMIT_MS
    for (;;) {
      const { body } = await call<Body>('GET', path, { expect: 200, token, isTold: false })
      if (isThere(body)) return body
      if (performance.now() > end) {
        throw new DemoStopped(
          `${path} did not become what it should within ${WAIT_LIMIT_MS / 1_000} s (${describe}); last it was ${shorten(JSON.stringify(body))}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** Opens a stream of server-sent events and gives the data of its first event. */
  function firstEvent<Data = any>(path: string, token: string): Promise<Data> {
    print(`   GET ${path} (server-sent events)`)
    return readFirstEvent<Data>(`${baseUrl}${path}`, token)
  }

  return { step, say, call, until, firstEvent }
}

async function send(
  baseUrl: string,
  method: 'GET' | 'POST',
  path: string,
  { token, body, headers }: Pick<Call, 'token' | 'body' | 'headers'>,
) {
  try {
    return await request(`${baseUrl}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    })
  } catch (err) {
    throw new DemoStopped(
      `UrbanBloom does not answer at ${baseUrl}: run "npm start" in another terminal, wait until it is ready, and try again.`,
      { cause: err },
    )
  }
}

async function readFirstEvent<Data>(url: string, token: string): Promise<Data> {
  const { statusCode, body } = await request(url, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })
  let text = ''
  for await (const chunk of body) {
    text += String(chunk)
    const data = /^data: ?(.*)\n/m.exec(text)?.[1]
    if (data !== undefined && statusCode === 200) return JSON.parse(data) as Data
  }
  throw new DemoStopped(`${url} answered ${statusCode} and ended without an event: ${shorten(text)}`)
}

/** Ends the demo with `sentence` unless `condition` holds. */
export function check(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new DemoStopped(sentence)
}

/** `$12.34`. */
export function dollars(cents: number): string {
  return `$${(cents / 100).toFixed(2)}`
}

/** `Thu 10:00`, by the clocks of the shop. */
export function clock(moment: string, timeZone: string): string {
  const options = {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  } as const
  return new Intl.DateTimeFormat('en-US', options).format(new Date(moment))
}

function hideSecrets(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'password' in body ? { ...body, password: '…' } : body
}

function shorten(text: string): string {
  return text.length > BODY_WIDTH ? `${text.slice(0, BODY_WIDTH)}…` : text
}
