import type { Socket } from 'node:net'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Begins a stop: `/readyz` is false from now on, and what still arrives during `DRAIN_DELAY_MS` is served with
     * `Connection: close`. Resolves when that time is over; then `close` meets only connections that nobody used in
     * the meantime.
     */
    drain(): Promise<void>
  }
}

/** With a fifth of jitter, so that the connections of one moment do not all end in another. */
const CONNECTION_AGE_MS = 30_000

/**
 * Lets connections end without losing what is sent on them. Each answer given while stopping ends its connection,
 * because closing one that is in use would break the request that is on its way at that moment. A connection on
 * which nothing was ever sent is closed at the end, because Node does not count it as idle; clients open such ones
 * in advance.
 *
 * In the same way an answer on a connection that is older than half a minute ends it. Callers keep their connections
 * for as long as they use them, and a Kubernetes Service spreads new ones only: without this a process that was added
 * would see nothing of those callers.
 * @returns whether the process is stopping.
 */
export function registerDrain(
  app: App,
  { delayMs, connectionAgeMs = CONNECTION_AGE_MS }: { delayMs: number; connectionAgeMs?: number },
): () => boolean {
  let stopping = false
  const endsAt = new Map<Socket, number>()
  app.server.on('connection', (socket: Socket) => {
    endsAt.set(socket, performance.now() + connectionAgeMs * (0.8 + Math.random() * 0.4))
    socket.once('close', () => endsAt.delete(socket))
  })
  app.decorate('drain', async () => {
    stopping = true
    await new Promise((resolve) => setTimeout(resolve, delayMs))
  })
  app.addHook('preClose', (done) => {
    stopping = true
    for (const socket of endsAt.keys()) if (socket.bytesRead === 0) socket.destroy()
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    const isOver = (endsAt.get(request.raw.socket) ?? Number.POSITIVE_INFINITY) < performance.now()
    if (stopping || isOver) void reply.header('connection', 'close')
    done()
  })
  return () => stopping
}
