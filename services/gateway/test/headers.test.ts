import { expect, test } from 'vitest'
import { send, startGateway, startService } from './start-gateway.ts'

const path = '/v1/products/1'

test('a service is told the truth about the client, whatever the client claims', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  const { body } = await send(gateway.url, {
    path,
    headers: {
      host: 'api.urbanbloom.example',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      forwarded: 'for=6.6.6.6',
      'x-real-ip': '6.6.6.6',
      'x-request-timeout-ms': '9999999',
      'x-internal-user': 'ops',
      'X-Internal-Anything': 'x',
      connection: 'x-named, keep-alive',
      'x-named': 'only for this hop',
      'keep-alive': 'timeout=5',
      te: 'trailers',
      'proxy-authorization': 'Basic eA==',
      upgrade: 'websocket',
    },
  })
  expect(body.headers).toEqual({
    host: new URL(service.url).host,
    connection: 'keep-alive',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'api.urbanbloom.example',
    'x-forwarded-proto': 'http',
    'x-request-timeout-ms': '10000',
    'x-request-id': expect.any(String),
    traceparent: expect.any(String),
  })
})

test('behind a proxy of ours, the client is who that proxy says, and no one further', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url, TRUST_PROXY: '1' })
  const { body } = await send(gateway.url, {
    path,
    headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.7', 'x-forwarded-proto': 'https' },
  })
  expect(body.headers['x-forwarded-for']).toBe('203.0.113.7, 127.0.0.1')
  expect(body.headers['x-forwarded-proto']).toBe('https')
})

test('what a client says about its request reaches the service', async () => {
  const service = await startService()
  const gateway = await startGateway({ ORDER_URL: service.url })
  const given = {
    authorization: 'Bearer abc',
    'idempotency-key': '"one"',
    'if-none-match': '"v1"',
    'last-event-id': '7',
    'stripe-signature': 't=1,v1=x',
    accept: 'application/json',
    cookie: 'a=b',
  }
  const { body } = await send(gateway.url, {
    method: 'POST',
    path: '/v1/checkout',
    headers: given,
    body: 'x',
  })
  expect(body.headers).toMatchObject({ ...given, 'content-length': '1' })
  // What is left of the time when the request is sent on.
  expect(body.headers['x-request-timeout-ms']).toMatch(/^(15000|14\d{3})$/)
})

test('answers pass with their own headers, and hop-by-hop and server headers end here', async () => {
  const service = await startService((_request, response) => {
    response.writeHead(409, {
      'content-type': 'application/problem+json',
      'idempotency-replayed': 'true',
      'retry-after': '3',
      etag: '"v1"',
      vary: 'Accept-Language',
      'set-cookie': ['a=1', 'b=2'],
      server: 'secret/1.0',
      'x-powered-by': 'secret',
      'x-internal-node': 'secret',
      'x-hop': '1',
      connection: 'x-hop',
    })
    response.end('{"code":"idempotency_in_progress","extra":1}')
  })
  const gateway = await startGateway({ ORDER_URL: service.url, CORS_ORIGINS: 'https://shop.example' })
  const answer = await send(gateway.url, { path: '/v1/orders/1' })
  expect(answer.status).toBe(409)
  expect(answer.text).toBe('{"code":"idempotency_in_progress","extra":1}')
  expect(answer.headers).toMatchObject({
    'idempotency-replayed': 'true',
    'retry-after': '3',
    etag: '"v1"',
    vary: 'Accept-Language, Origin',
    'set-cookie': ['a=1', 'b=2'],
    'x-content-type-options': 'nosniff',
  })
  const ending = ['server', 'x-powered-by', 'x-internal-node', 'x-hop', 'keep-alive']
  expect(Object.keys(answer.headers).filter((name) => ending.includes(name))).toEqual([])
})

test('304 and HEAD answers carry their headers and no body', async () => {
  const service = await startService((request, response) => {
    if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, { etag: '"v1"' }).end()
    else
      response
        .writeHead(200, { etag: '"v1"', 'content-length': '5' })
        .end(request.method === 'HEAD' ? '' : 'hello')
  })
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  const notModified = await send(gateway.url, { path, headers: { 'if-none-match': '"v1"' } })
  expect([notModified.status, notModified.headers.etag, notModified.text]).toEqual([304, '"v1"', ''])
  const head = await send(gateway.url, { method: 'HEAD', path })
  expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '5', ''])
})

test('a well-formed request id and trace are kept, others are made, and every answer names the id', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const kept = await send(gateway.url, { path, headers: { 'x-request-id': 'client-id:0001', traceparent } })
  expect(kept.headers['x-request-id']).toBe('client-id:0001')
  expect(kept.body.headers).toMatchObject({ 'x-request-id': 'client-id:0001', traceparent })

  const made = await send(gateway.url, { path, headers: { 'x-request-id': 'no good"', traceparent: 'junk' } })
  expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(made.body.headers['x-request-id']).toBe(made.headers['x-request-id'])
  expect(made.body.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)

  const own = await send(gateway.url, { path: '/healthz' })
  expect(own.status).toBe(200)
  expect(own.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
})

test('a web shop of a named origin may call, others may not', async () => {
  const service = await startService()
  const gateway = await startGateway({ INVENTORY_URL: service.url, CORS_ORIGINS: 'https://shop.example' })
  const preflight = (origin: string) =>
    send(gateway.url, {
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const allowed = await preflight('https://shop.example')
  expect(allowed.status).toBe(204)
  expect(allowed.headers['access-control-allow-origin']).toBe('https://shop.example')
  expect(allowed.headers['access-control-allow-headers']).toContain('Idempotency-Key')
  expect((await preflight('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin')
  expect(service.received).toEqual([])

  const real = await send(gateway.url, { path, headers: { origin: 'https://shop.example' } })
  expect(real.headers['access-control-allow-origin']).toBe('https://shop.example')
  expect(real.headers['access-control-expose-headers']).toContain('X-Request-Id')
  const missing = await send(gateway.url, { path: '/none', headers: { origin: 'https://shop.example' } })
  expect(missing.headers['access-control-allow-origin']).toBe('https://shop.example')
})
