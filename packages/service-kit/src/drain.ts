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

/**
 * Lets connections end without losing what is sent on them. Each answer given while stopping ends its connection,
 * because closing one that is in use would break the request that is on its way at that moment. A connection on
 * which nothing was ever sent is closed at the end, because Node does not count it as idle; clients open such ones
 * in advance.
 * @returns whether the process is stopping.
 */
export function registerDrain(app: App, delayMs: number): () => boolean {
  let stopping = false
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  app.decorate('drain', async () => {
    stopping = true
    await new Promise((resolve) => setTimeout(resolve, delayMs))
  })
  app.addHook('preClose', (done) => {
    stopping = true
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping) void reply.header('connection', 'close')
    done()
  })
  return () => stopping
}
