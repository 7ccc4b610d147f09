import http from 'node:http'
import { expect, test } from 'vitest'
import { send, sendRaw, startGateway, startService } from './start-gateway.ts'

const LIMIT = 256 * 1024
const problem = { 'content-type': 'application/problem+json' }

test('a body of exactly the limit passes, unchanged; one byte more is 413 and reaches no service', async () => {
  const service = await startService()
  const gateway = await startGateway({ ORDER_URL: service.url })
  const fits = await send(gateway.url, { method: 'POST', path: '/v1/quotes', body: Buffer.alloc(LIMIT, 'a') })
  expect(fits.body.body).toHaveLength(LIMIT)

  const body = Buffer.alloc(LIMIT + 1, 'a')
  const withLength = await send(gateway.url, { method: 'POST', path: '/v1/quotes', body })
  const chunked = await send(gateway.url, {
    method: 'POST',
    path: '/v1/quotes',
    headers: { 'transfer-encoding': 'chunked' },
    body,
  })
  for (const answer of [withLength, chunked]) {
    expect(answer.status).toBe(413)
    expect(answer.headers).toMatchObject(problem)
    expect(answer.body).toMatchObject({ code: 'body_too_large', status: 413 })
  }
  expect(service.received).toHaveLength(1)
})

test('a client that is still sending far too much reads the 413', async () => {
  const gateway = await startGateway({})
  for (let i = 0; i < 10; i += 1) {
    const answer = await send(gateway.url, {
      method: 'POST',
      path: '/v1/quotes',
      body: Buffer.alloc(4 * 1024 * 1024, 'a'),
    })
    expect(answer.status).toBe(413)
  }
})

test.each(['application/json', 'text/plain; charset=x', 'application/octet-stream', undefined])(
  'a body of type %s reaches the service as it is',
  async (type) => {
    const service = await startService()
    const gateway = await startGateway({ PAYMENT_URL: service.url })
    const { status, body } = await send(gateway.url, {
      method: 'POST',
      path: '/v1/payments/webhooks/stripe',
      headers: type === undefined ? {} : { 'content-type': type },
      body: '{"not": json',
    })
    expect([status, body.body, body.headers['content-type']]).toEqual([200, '{"not": json', type])
  },
)

test('a URL that is too long is 414, headers that are too large are 431', async () => {
  const gateway = await startGateway({})
  for (const length of [8_001, 12_000, 40_000]) {
    const answer = await sendRaw(
      gateway.port,
      `GET /v1/products?q=${'a'.repeat(length)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 414 /)
    expect(answer).toContain('"code":"uri_too_long"')
  }
  const large = await sendRaw(
    gateway.port,
    `GET /v1/products HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
  )
  expect(large).toMatch(/^HTTP\/1\.1 431 /)
  expect(large).toContain('"code":"headers_too_large"')
  expect(large).toMatch(/x-request-id: [0-9a-f-]{36}/)
})

test('what is not HTTP is 400 in the same form, also after a good request on the same connection', async () => {
  const gateway = await startGateway({})
  expect(await sendRaw(gateway.port, 'NONSENSE\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 400 [^]*"code":"malformed_request"/,
  )
  const smuggled =
    'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  expect(await sendRaw(gateway.port, smuggled)).toMatch(/^HTTP\/1\.1 400 /)
  for (const head of [
    'GET /v1/quotes HTTP/1.1',
    'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked',
  ]) {
    const refused = await sendRaw(gateway.port, `${head}\r\nConnection: close\r\n\r\n0\r\n\r\n`)
    expect(refused).toMatch(/^HTTP\/1\.1 400 [^]*"code":"malformed_request"/)
  }
  const twice = await sendRaw(gateway.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 'NONSENSE\r\n\r\n')
  expect(twice.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
})

test('many requests on one connection get their own answers', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (n: number) =>
    new Promise<string>((resolve, reject) => {
      http
        .get(`${gateway.url}/v1/products/${n}`, { agent }, (response) => {
          let body = ''
          response.on('data', (chunk) => (body += chunk)).on('end', () => resolve(JSON.parse(body).url))
        })
        .on('error', reject)
    })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)))
  expect(answers).toEqual(Array.from({ length: 20 }, (_, n) => `/v1/products/${n}`))
  agent.destroy()
})
