import { connect, type Socket } from 'node:net'
import { request } from 'undici'
import type { Endpoint } from './balancer.ts'
import { readinessProbe } from './readiness-probe.ts'

const CONNECT_LIMIT_MS = 1_000

/** A process of this machine that listens on `port` and answers `/readyz`. */
export function processEndpoint(name: string, port: number): Endpoint {
  return {
    name,
    async isReady() {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/readyz`, {
        headersTimeout: readinessProbe.timeoutMs,
        bodyTimeout: readinessProbe.timeoutMs,
        // A probe of Kubernetes opens a connection of its own each time.
        reset: true,
      })
      await body.dump()
      return statusCode === 200
    },
    join: (client) => joinTcp(client, port),
  }
}

function joinTcp(client: Socket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const tooLate = setTimeout(() => server.destroy(new Error('no connection in time')), CONNECT_LIMIT_MS)
    server.once('connect', () => {
      clearTimeout(tooLate)
      // Each side's end and each side's reset reach the other as what they are.
      client.pipe(server)
      server.pipe(client)
      client.once('close', () => (server.readableEnded ? server.end() : server.destroy()))
      server.once('close', (hadError) => (hadError ? client.resetAndDestroy() : client.end()))
      resolve()
    })
    server.on('error', (err: NodeJS.ErrnoException) => {
      clearTimeout(tooLate)
      reject(new Error(err.code ?? err.message))
    })
  })
}
