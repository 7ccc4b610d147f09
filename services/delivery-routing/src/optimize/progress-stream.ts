import type { FastifyReply, FastifyRequest } from 'fastify'

const HEARTBEAT_MS = 15_000

/** An answer as server-sent events. It begins with `begin`; what is refused before that is an ordinary answer. */
export function openProgress(request: FastifyRequest, reply: FastifyReply) {
  const { raw } = reply
  let heartbeat: NodeJS.Timeout | undefined
  const write = (event: string, data: string) => {
    // Nobody reads any more, or too slowly for news of this kind.
    if (!raw.destroyed && (event !== 'progress' || !raw.writableNeedDrain))
      raw.write(`event: ${event}\ndata: ${data}\n\n`)
  }
  return {
    hasBegun: () => heartbeat !== undefined,
    begin: () => {
      void reply.hijack()
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'close',
        'x-accel-buffering': 'no',
        'x-request-id': request.context.requestId,
      })
      raw.flushHeaders()
      heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS)
      raw.once('close', () => clearInterval(heartbeat))
    },
    report: ({ cost, elapsedMs }: { cost: number; elapsedMs: number }) => {
      write('progress', JSON.stringify({ cost, elapsedMs }))
    },
    /** The last event. */
    end: (event: 'answer' | 'problem', data: string) => {
      clearInterval(heartbeat)
      write(event, data)
      raw.end()
    },
  }
}
