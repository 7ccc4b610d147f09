import http from 'node:http'
import net from 'node:net'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, onTestFinished, test } from 'vitest'
import { createUpstream, noteUnreachable } from '../src/upstream.ts'
import { send, sendRaw, startGateway, startService, unusedUrl } from './start-gateway.ts'

const path = '/v1/products/1'

/** A service that says `answer` to whatever comes and hangs up. */
async function startBroken(answer: string): Promise<{ url: string; connections: () => number }> {
  let connections = 0
  const server = net.createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined).once('data', () => socket.end(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as net.AddressInfo
  return { url: `http://127.0.0.1:${port}`, connections: () => connections }
}

test('a service that nobody listens for is 503 with Retry-After, and comes back by itself', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  expect((await send(gateway.url, { path })).status).toBe(200)
  await service.close()
  const away = await send(gateway.url, { path })
  expect(away.status).toBe(503)
  expect(away.headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' })
  expect(away.body).toMatchObject({ code: 'service_unavailable', instance: path })
  expect(away.body.requestId).toBe(away.headers['x-request-id'])

  await startService(undefined, service.port)
  await waitFor(async () => (await send(gateway.url, { path })).status === 200, { describe: 'it is back' })
})

test('a service that does not answer in time is 504, and is told that nobody waits any more', async () => {
  let aborted = false
  const service = await startService((request, response) => {
    response.on('close', () => (aborted = true))
    request.resume()
  })
  const gateway = await startGateway({ INVENTORY_URL: service.url, REQUEST_TIMEOUT_MS: '150' })
  const answer = await send(gateway.url, { path })
  expect(answer.status).toBe(504)
  expect(answer.body).toMatchObject({ code: 'gateway_timeout', status: 504 })
  expect(service.received[0]?.headers['x-request-timeout-ms']).toMatch(/^1[0-5]\d$/)
  await waitFor(() => aborted, { describe: 'the request to the service is aborted' })
})

test('checkout has a longer deadline of its own', async () => {
  const service = await startService((request) => request.resume())
  const gateway = await startGateway({
    ORDER_URL: service.url,
    REQUEST_TIMEOUT_MS: '50',
    CHECKOUT_TIMEOUT_MS: '400',
  })
  const start = performance.now()
  const answer = await send(gateway.url, { method: 'POST', path: '/v1/checkout', body: '{}' })
  expect(answer.status).toBe(504)
  expect(performance.now() - start).toBeGreaterThan(390)
})

test('an answer that stops in the middle is cut at the deadline, so that it cannot be taken for whole', async () => {
  const service = await startService((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half')
  })
  const gateway = await startGateway({ INVENTORY_URL: service.url, REQUEST_TIMEOUT_MS: '150' })
  await expect(send(gateway.url, { path })).rejects.toThrow(/aborted|hang up/)
})

test.each(['NONSENSE\r\n\r\n', '', 'HTTP/1.1 200 OK\r\ncontent-le'])(
  'a broken answer (%j) is 502, and a POST is never sent twice',
  async (brokenAnswer) => {
    const broken = await startBroken(brokenAnswer)
    const gateway = await startGateway({ ORDER_URL: broken.url })
    const { status, body } = await send(gateway.url, { method: 'POST', path: '/v1/checkout', body: '{}' })
    expect(status).toBe(502)
    expect(body).toMatchObject({ code: 'bad_gateway', status: 502 })
    expect(broken.connections()).toBe(1)
  },
)

test('problem documents of a service pass unchanged, whatever their status', async () => {
  const document =
    '{"type":"t","title":"x","status":503,"detail":"d","instance":"/i","code":"own","requestId":"r"}'
  for (const status of [400, 404, 422, 500, 503]) {
    const service = await startService((_request, response) => {
      response.writeHead(status, {
        'content-type': 'application/problem+json; charset=utf-8',
        'retry-after': '7',
      })
      response.end(document)
    })
    const gateway = await startGateway({ INVENTORY_URL: service.url })
    const answer = await send(gateway.url, { path })
    expect([answer.status, answer.text, answer.headers['retry-after']]).toEqual([status, document, '7'])
  }
})

test.each([
  [500, 502, 'bad_gateway', undefined],
  [502, 502, 'bad_gateway', undefined],
  [503, 503, 'service_unavailable', '9'],
  [504, 504, 'gateway_timeout', undefined],
])(
  'a %i that is no problem document becomes one, and its text stays inside',
  async (status, ours, code, wait) => {
    const service = await startService((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '9' })
      response.end('<h1>stack trace</h1>')
    })
    const gateway = await startGateway({ INVENTORY_URL: service.url })
    const answer = await send(gateway.url, { path })
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([ours, code, wait])
    expect(answer.text).not.toContain('stack')
  },
)

test('replicas take turns, and one that is gone is left out without a failed request', async () => {
  const [one, two] = [await startService(), await startService()]
  const gateway = await startGateway({ ORDER_URL: `${one.url}, ${two.url}` })
  const post = () => send(gateway.url, { method: 'POST', path: '/v1/quotes', body: '{"a":1}' })
  for (let i = 0; i < 6; i += 1) await post()
  expect([one.received.length, two.received.length]).toEqual([3, 3])
  await one.close()
  const answers = await Promise.all(Array.from({ length: 10 }, post))
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect(answers[0]?.body.body).toBe('{"a":1}')
  expect(two.received).toHaveLength(13)
})

test('a GET whose connection broke is asked again elsewhere, a POST is not', async () => {
  const [broken, whole] = [await startBroken(''), await startService()]
  const gateway = await startGateway({ ORDER_URL: `${whole.url},${broken.url}` })
  const statuses = async (method: string) => {
    const answers = []
    for (let i = 0; i < 4; i += 1)
      answers.push((await send(gateway.url, { method, path: '/v1/orders' })).status)
    return answers.toSorted((a, b) => a - b)
  }
  expect(await statuses('GET')).toEqual([200, 200, 200, 200])
  expect(await statuses('POST')).toEqual([200, 200, 502, 502])
})

test('every replica gone is 503', async () => {
  const gateway = await startGateway({ ORDER_URL: `${await unusedUrl()},${await unusedUrl()}` })
  for (let i = 0; i < 3; i += 1) expect((await send(gateway.url, { path: '/v1/orders' })).status).toBe(503)
})

test('a client that leaves takes its request along', async () => {
  let closed = false
  const service = await startService((_request, response) => {
    response.on('close', () => (closed = true))
  })
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  const socket = net.connect(gateway.port, '127.0.0.1', () => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  })
  await waitFor(() => service.received.length === 1, { describe: 'the request arrives' })
  socket.destroy()
  await waitFor(() => closed, { describe: 'the service sees the client leave' })
  const metrics = await waitFor(
    async () => {
      const { text } = await send(gateway.metricsUrl)
      return text.includes('status="499"') ? text : null
    },
    { describe: 'it is counted' },
  )
  expect(metrics).toMatch(/http_requests_total\{.*route="\/v1\/products\/:id".*status="499"/)
  expect(metrics).toMatch(/gateway_upstream_in_flight\{upstream="inventory",pool="requests".*\} 0/)
})

test('a request whose body never comes is 408', { timeout: 40_000 }, async () => {
  const gateway = await startGateway({ REQUEST_ARRIVAL_TIMEOUT_MS: '300' })
  const head = 'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'
  expect(await sendRaw(gateway.port, head)).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/)
})

test('labels of metrics are patterns, never what a client wrote', async () => {
  const gateway = await startGateway({})
  await send(gateway.url, { path: '/v1/products/secret-thing' })
  await send(gateway.url, { path: '/made/up' })
  const { text } = await send(gateway.metricsUrl)
  expect(text).toMatch(/http_requests_total\{.*route="\/v1\/products\/:id".*status="503"/)
  expect(text).toMatch(/http_requests_total\{.*route="unmatched".*status="404"/)
  expect(text).toMatch(/gateway_upstream_failures_total\{upstream="inventory",reason="unreachable"/)
  expect(text).not.toMatch(/secret|made/)
})

test('a service that is slow fills no memory: beyond a bound, requests are refused at once', () => {
  const upstream = createUpstream('order', ['http://127.0.0.1:1'])
  onTestFinished(() => upstream.close())
  for (let i = 0; i < 1_000; i += 1) upstream.enter('requests')
  expect(() => upstream.enter('requests')).toThrow(/overloaded/)
  upstream.enter('streams')
  upstream.leave('requests')
  upstream.enter('requests')
  expect(upstream.inFlight).toEqual({ requests: 1_000, streams: 1 })
})

test('a replica that swallows connections is left alone for a while, a closed one comes last', () => {
  const upstream = createUpstream('order', ['http://127.0.0.1:1', 'http://127.0.0.1:2'])
  onTestFinished(() => upstream.close())
  const [first, second] = [upstream.next([]), upstream.next([])]
  if (first === null || second === null) throw new Error('both replicas are there')
  const origins = (...replicas: ReturnType<typeof upstream.next>[]) =>
    replicas.map((replica) => replica?.origin)
  noteUnreachable(first, Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  expect(origins(upstream.next([]), upstream.next([]), upstream.next([second]))).toEqual(
    origins(second, second, first),
  )
  noteUnreachable(first, Object.assign(new Error('timeout'), { code: 'UND_ERR_CONNECT_TIMEOUT' }))
  expect(upstream.next([second])).toBeNull()
})

test('an idle connection to a service is given up before a stopping service would close it', async () => {
  const service = http.createServer((_request, response) => response.end('{}'))
  service.keepAliveTimeout = 72_000
  let open = 0
  service.on('connection', (socket) => {
    open += 1
    socket.once('close', () => (open -= 1))
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void service.close())
  const { port } = service.address() as net.AddressInfo
  const gateway = await startGateway({ INVENTORY_URL: `http://127.0.0.1:${port}` })

  expect((await send(gateway.url, { path: '/v1/products/1' })).status).toBe(200)
  expect(open).toBe(1)
  // DRAIN_DELAY_MS in the manifests is 5 s.
  await waitFor(() => open === 0, { describe: 'the connection is closed', timeoutMs: 4_900 })
})

test('behind one address there may be several processes, so connecting is tried three times', async () => {
  let connections = 0
  // It ends each connection before TLS is up, so no request was sent on any.
  const service = net.createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void service.close())
  const { port } = service.address() as net.AddressInfo
  const gateway = await startGateway({ ORDER_URL: `https://127.0.0.1:${port}` })

  expect((await send(gateway.url, { path: '/v1/checkout', method: 'POST', body: '{}' })).status).toBe(503)
  expect(connections).toBe(3)
})

test('what a stopping process has not begun is asked of another one, once', async () => {
  const refuse = (_request: http.IncomingMessage, response: http.ServerResponse) => {
    response.writeHead(503, { 'content-type': 'application/problem+json', 'x-not-begun': '1' })
    response.end('{"code":"shutting_down"}')
  }
  const stopping = await startService(refuse)
  const other = await startService()
  const gateway = await startGateway({ ORDER_URL: `${stopping.url},${other.url}` })
  const checkout = { path: '/v1/checkout', method: 'POST', body: '{"a":1}' }
  for (let round = 0; round < 2; round += 1) {
    const answer = await send(gateway.url, checkout)
    expect(answer).toMatchObject({ status: 200, body: { body: '{"a":1}' } })
  }
  expect(stopping.received.length).toBeGreaterThan(0)

  const alone = await startGateway({ ORDER_URL: stopping.url })
  const before = stopping.received.length
  expect(await send(alone.url, checkout)).toMatchObject({ status: 503, body: { code: 'shutting_down' } })
  expect(stopping.received.length).toBe(before + 2)
})

test('a stop waits for the longest answer, and has the time for it', async () => {
  const { promise: asked, resolve: begin } = Promise.withResolvers<void>()
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const service = await startService((request, response) => {
    request.resume()
    begin()
    void over.then(() => response.end('{"code":0}'))
  })
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url, OPTIMIZE_TIMEOUT_MS: '60000' })
  const answer = send(gateway.url, { path: '/v1/optimize', method: 'POST', body: '{}' })
  await asked
  const closed = gateway.close()
  end()
  expect((await answer).status).toBe(200)
  await closed
  expect(gateway.closeLimitMs).toBeGreaterThan(60_000)
})
