import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'

export type StreamEvent = { id: string | undefined; event: string; data: unknown }

export type EventFollower = ReturnType<typeof followEvents>

/** A browser's EventSource waits as long as the server's `retry` says; two seconds here, which is much to miss. */
const RECONNECT_MS = 200
const HEADERS_LIMIT_MS = 15_000
/** The server writes a comment every 15 s. */
const SILENCE_LIMIT_MS = 40_000

/**
 * Reads a stream of server-sent events as a browser does: when it ends, it connects again with the last event's id.
 * Only an answer other than 200 and a connection that breaks in the middle of an event are failures.
 */
export function followEvents(options: { url: string; who: { token: string } }) {
  const events: StreamEvent[] = []
  const failures: string[] = []
  const stopping = new AbortController()
  // Each client has its own connection.
  const agent = new Agent({ connections: 1, headersTimeout: HEADERS_LIMIT_MS, bodyTimeout: SILENCE_LIMIT_MS })
  let lastEventId: string | undefined
  let connects = 0

  const readOnce = async () => {
    const headers = {
      authorization: `Bearer ${options.who.token}`,
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    }
    const { statusCode, body } = await request(options.url, {
      headers,
      dispatcher: agent,
      signal: stopping.signal,
    })
    if (statusCode !== 200) {
      failures.push(`the stream answered ${statusCode}: ${(await body.text()).slice(0, 300)}`)
      return
    }
    connects += 1
    let text = ''
    for await (const chunk of body) {
      text += String(chunk)
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const event of blocks.map(parseEvent)) {
        if (event === null) continue
        events.push(event)
        lastEventId = event.id ?? lastEventId
      }
    }
    if (text !== '') failures.push('the stream ended in the middle of an event')
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await readOnce()
      } catch (err) {
        if (!stopping.signal.aborted) failures.push(`the stream broke: ${(err as Error).message}`)
      }
      await delay(RECONNECT_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const running = run()

  return {
    events: events as readonly StreamEvent[],
    failures: failures as readonly string[],
    reconnects: () => Math.max(0, connects - 1),
    isConnected: () => connects > 0,
    async stop(): Promise<void> {
      stopping.abort()
      await running
      await agent.destroy()
    },
  }
}

function parseEvent(block: string): StreamEvent | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)] as const
    }),
  )
  const event = fields.get('event')
  if (event === undefined) return null
  return { id: fields.get('id'), event, data: JSON.parse(fields.get('data') ?? 'null') }
}
