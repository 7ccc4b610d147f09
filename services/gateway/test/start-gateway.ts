import http from 'node:http'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { readConfig } from '../src/config.ts'
import { createGateway } from '../src/service.ts'

export type Service = { url: string; port: number; received: http.IncomingMessage[]; close(): Promise<void> }

/** A stand-in for one of our services. Without a handler it answers with what it was asked. */
export async function startService(
  handler?: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  port = 0,
): Promise<Service> {
  const received: http.IncomingMessage[] = []
  const server = http.createServer((request, response) => {
    received.push(request)
    if (handler !== undefined) handler(request, response)
    else void echo(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  const { port: chosen } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${chosen}`, port: chosen, received, close }
}

async function echo(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const body = await text(request)
  const { method, url, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method, url, headers, body }))
}

/** Nobody listens on the port of a server that is closed again. */
export async function unusedUrl(): Promise<string> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

/** A gateway on a free port. Services that `env` does not name are away. */
export async function startGateway(env: Record<string, string>) {
  const away = await unusedUrl()
  const gateway = await createGateway(
    readConfig({
      PORT: '0',
      HOST: '127.0.0.1',
      METRICS_PORT: '0',
      LOG_LEVEL: 'silent',
      REDIS_URL: away.replace('http', 'redis'),
      AUTH_URL: away,
      INVENTORY_URL: away,
      ORDER_URL: away,
      PAYMENT_URL: away,
      DELIVERY_ROUTING_URL: away,
      ...env,
    }),
  )
  await gateway.start()
  let closed: Promise<void> | undefined
  const close = () => (closed ??= gateway.close())
  onTestFinished(close)
  const { public: port, metrics } = gateway.ports()
  const metricsUrl = `http://127.0.0.1:${metrics}/metrics`
  return { url: `http://127.0.0.1:${port}`, port, metricsUrl, closeLimitMs: gateway.closeLimitMs, close }
}

export type Answer = { status: number; headers: http.IncomingHttpHeaders; body: any; text: string }

/** Sends a request whose path goes out exactly as written, which fetch would tidy up. */
export async function send(
  url: string,
  options: {
    method?: string
    path?: string
    headers?: http.OutgoingHttpHeaders
    body?: string | Buffer
    localAddress?: string
  } = {},
): Promise<Answer> {
  const { body, ...rest } = options
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .request(url, { ...rest, agent: false }, resolve)
      .once('error', reject)
      .end(body)
  })
  const content = await text(response)
  const { statusCode: status = 0, headers } = response
  const isJson = /json/.test(headers['content-type'] ?? '') && content !== ''
  return { status, headers, body: isJson ? JSON.parse(content) : undefined, text: content }
}

/** Everything that a server says until it closes the connection. `next` follows its first answer. */
export function sendRaw(port: number, bytes: string, next?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(5_000, () => socket.destroy(new Error('the connection hangs')))
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    if (next !== undefined) socket.once('data', () => socket.write(next))
    socket.once('error', reject)
    socket.once('close', () => resolve(received))
  })
}
