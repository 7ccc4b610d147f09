import { waitFor } from './wait-for.ts'

export type StreamEvent = { id: string | undefined; event: string; data: any }

/** Opens a stream of server-sent events and collects what comes, until it is closed. */
export async function openStream(url: string, options: { token?: string; lastEventId?: string } = {}) {
  const abort = new AbortController()
  const { status, headers, body } = await fetch(url, {
    headers: {
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      ...(options.lastEventId !== undefined && { 'last-event-id': options.lastEventId }),
    },
    signal: abort.signal,
  })
  const events: StreamEvent[] = []
  let text = ''
  let ended = false
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      events.push(...blocks.map(parse).filter((event) => event !== null))
    }
  })()
    .catch(() => undefined)
    .finally(() => (ended = true))
  return {
    status,
    headers,
    events,
    isEnded: () => ended,
    find: (describe: string, wanted: (event: StreamEvent) => boolean) =>
      waitFor(() => events.find(wanted), { describe: `${describe}, among ${JSON.stringify(events)}` }),
    async close() {
      abort.abort()
      await reading
    },
  }
}

function parse(block: string): StreamEvent | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)] as const
    }),
  )
  const event = fields.get('event')
  return event === undefined
    ? null
    : { id: fields.get('id'), event, data: JSON.parse(fields.get('data') ?? 'null') }
}
