import type { ServerResponse } from 'node:http'
import { tooMany, unavailable } from '@urbanbloom/service-kit/errors'
import type { Log } from '@urbanbloom/service-kit/log'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'

/** The answer of such a route in the OpenAPI document. */
export const eventStream = {
  description: 'An event stream that stays open',
  content: { 'text/event-stream': { schema: z.string() } },
}

export type SseConnections = ReturnType<typeof createSseConnections>
export type SseMessage = { id?: number; event: string; data: object }

const HEARTBEAT_MS = 15_000
/** The client comes back with `Last-Event-ID` and a fresh access token. */
const LIFETIME_MS = 15 * 60_000
const CLIENT_RETRY_MS = 2_000
const PER_OWNER_MAX = 6
/**
 * A change can concern every stream at once. Their reads wait here for their turn, because the queue of the database's
 * pool is short and refuses what does not fit; some of its connections are left for requests.
 */
const READS_AT_A_TIME = 6
/** How long the end of a stream may take to reach its reader. */
const ENDING_MS = 5_000

type Source = {
  /** Whose connections are counted together. */
  owner: string
  /** What to send now. Called at the start and after each poke, never twice at a time. */
  read: () => Promise<SseMessage[]>
  /** Registers for pokes and gives the function that ends it. */
  listen: (poke: () => void) => () => void
}

type Options = {
  /** How many streams may be open. */
  max: number
  /** A reader that takes nothing for so long is cut off; it resumes when it comes back. */
  stalledMs: number
  metrics: Metrics
  log: Log
}

/**
 * Server-sent events (HTML Living Standard, 9.2), bounded in number, size and age. What is sent next is read only when
 * the socket has taken what was sent before, so that a phone which stops reading holds one batch of ours at most,
 * however much changes meanwhile.
 */
export function createSseConnections(options: Options) {
  const open = new Map<() => void, string>()
  const inTurn = takingTurns(READS_AT_A_TIME)
  options.metrics.gauge('sse_connections', 'Event streams that are open', [], (gauge) => gauge.set(open.size))
  const cutOff = options.metrics.counter(
    'sse_cut_off_total',
    'Event streams whose reader had stopped reading',
  )

  function admit(owner: string): void {
    if (open.size >= options.max) {
      throw unavailable(
        'too_many_streams',
        'This process serves as many event streams as it can; try again',
        {
          retryAfterSeconds: 5,
        },
      )
    }
    const own = [...open.values()].filter((other) => other === owner).length
    if (own >= PER_OWNER_MAX) {
      throw tooMany('too_many_streams', `Close one of your ${own} event streams first`, {
        retryAfterSeconds: 5,
      })
    }
  }

  return {
    /** Answers with an event stream. Everything that can be refused must have been refused before. */
    serve(request: FastifyRequest, reply: FastifyReply, source: Source): void {
      admit(source.owner)
      void reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // A stream that ends while the process stops would otherwise leave an idle connection to wait for.
        connection: 'close',
        'x-accel-buffering': 'no',
        'x-request-id': request.context.requestId,
      })
      raw.write(`retry: ${CLIENT_RETRY_MS}\n\n`)
      const read = () => inTurn(source.read)
      const onStall = () => cutOff.inc()
      const close = pump(raw, { ...source, read }, { ...options, onStall, onClose: () => open.delete(close) })
      open.set(close, source.owner)
    },
    /** Ends every stream, so that the server can close. */
    close(): void {
      for (const close of open.keys()) close()
    },
  }
}

/** The number in `Last-Event-ID`, or null where the client begins. */
export function lastEventId(request: FastifyRequest): number | null {
  const header = request.headers['last-event-id']
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null
}

function pump(
  raw: ServerResponse,
  source: Source,
  { log, stalledMs, onStall, onClose }: Options & { onStall: () => void; onClose: () => void },
): () => void {
  const write = patientWriter(raw, stalledMs, onStall)
  let closed = false
  let reading = false
  let again = false

  const close = () => {
    if (closed) return
    closed = true
    clearInterval(heartbeat)
    clearTimeout(endOfLife)
    stopListening()
    onClose()
    raw.end()
    // What the reader does not take is not kept.
    const giveUp = setTimeout(() => raw.destroy(), ENDING_MS)
    raw.once('close', () => clearTimeout(giveUp))
  }
  const poke = () => {
    if (reading) again = true
    else void send()
  }
  const send = async () => {
    reading = true
    try {
      do {
        again = false
        const messages = await source.read()
        if (closed) return
        if (messages.length > 0) await write(messages.map(format).join(''))
      } while (again && !closed)
    } catch (err) {
      log.info({ err }, 'an event stream ended early; its client resumes')
      close()
    } finally {
      reading = false
    }
  }
  const heartbeat = setInterval(() => void write.whenIdle(': still here\n\n'), HEARTBEAT_MS)
  const endOfLife = setTimeout(close, LIFETIME_MS)
  const stopListening = source.listen(poke)
  raw.on('close', close)
  raw.on('error', close)
  // A client that left while the request was checked is not told of any more.
  if (raw.destroyed) close()
  else poke()
  return close
}

/**
 * Writes one text at a time and waits until the system has taken it; a reader for whom that takes longer than
 * `stalledMs` is cut off, and the wait ends.
 */
function patientWriter(raw: ServerResponse, stalledMs: number, onStall: () => void) {
  let isWriting = false
  const write = (text: string): Promise<void> => {
    isWriting = true
    return new Promise((resolve) => {
      const stalled = setTimeout(() => {
        onStall()
        raw.destroy()
      }, stalledMs)
      const done = () => {
        clearTimeout(stalled)
        raw.off('close', done)
        isWriting = false
        resolve()
      }
      raw.once('close', done)
      raw.write(text, done)
    })
  }
  const whenIdle = async (text: string) => {
    if (!isWriting) await write(text)
  }
  return Object.assign(write, { whenIdle })
}

function format({ id, event, data }: SseMessage): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Runs at most `most` of the works that it is given at a time, the others in the order in which they came. */
function takingTurns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = most
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => void waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
