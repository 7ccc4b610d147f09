import { freePort } from '@urbanbloom/local/ports'
import { serviceNames } from '@urbanbloom/local/programs'
import { type HttpAnswer, request } from '@urbanbloom/test-kit/http'
import { createDriver, createOps, type Person, registerCustomer } from '@urbanbloom/test-kit/people'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, expectProblem, type Operation, openApi } from './api-client.ts'
import { publicCalls } from './public-calls.ts'

type Role = 'customer' | 'driver' | 'ops'

let system: System
let api: Api
let people: Record<Role, Person>
let metricsPort: number

beforeAll(async () => {
  metricsPort = await freePort()
  system = await startSystem({ env: { gateway: { METRICS_PORT: String(metricsPort) } } })
  const [customer, ops] = await Promise.all([registerCustomer(system), createOps(system)])
  people = { customer, ops, driver: await createDriver(system, ops) }
  api = await openApi(system.gatewayUrl)
})
afterAll(() => system?.close())

const url = (path: string) => `${system.gatewayUrl}${path}`

test('the one document names every public call, and the reference pages show it', async () => {
  expect(api.document.openapi).toMatch(/^3\.1/)
  const named = api.operations.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
  expect(named).toEqual(expect.arrayContaining(publicCalls))
  expect(named.filter((call) => call.includes('/internal'))).toEqual([])
  // What says everything by its path needs no body.
  const starting = api.document.paths['/v1/driver/route/start']?.post
  expect(starting?.requestBody?.required).toBe(false)
  expect(api.document.paths['/v1/quotes']?.post?.requestBody?.required).toBe(true)
  const { headers } = await request('GET', url('/openapi.json'))
  const unchanged = { headers: { 'if-none-match': headers.etag! } }
  expect(await request('GET', url('/openapi.json'), unchanged)).toMatchObject({ status: 304 })

  const pages = await request('GET', url('/docs'))
  expect(pages).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('html') } })
  expect(await request('GET', url('/healthz'))).toMatchObject({ status: 200 })
})

test('every guarded call needs a token, and one of the right role', async () => {
  const guarded = api.operations.filter((operation) => operation.guarded)
  expect(guarded.length).toBeGreaterThan(40)
  for (const operation of guarded) {
    const call = `${operation.method} ${operation.path}`
    expectProblem(await send(operation), 401, 'access_token_required')
    expectProblem(await send(operation, 'not.a.token'), 401, 'access_token_invalid')
    const { token } = people[rolesOf(operation)[0] ?? 'customer']
    // Another signature, of the same length.
    const forged = `${token.slice(0, -20)}${token.slice(-20).split('').toReversed().join('')}`
    expectProblem(await send(operation, forged), 401, 'access_token_invalid')
    for (const role of ['customer', 'driver', 'ops'] as const) {
      if (rolesOf(operation).includes(role)) {
        if (call === 'POST /v1/auth/logout' || call.endsWith('/events')) continue
        const { status } = await send(operation, people[role].token)
        expect(status, `${call} as ${role}`).not.toBe(401)
        expect(status, `${call} as ${role}`).not.toBe(403)
        expect(status, `${call} as ${role}`).toBeLessThan(500)
      } else {
        expectProblem(await send(operation, people[role].token), 403, 'role_required')
      }
    }
  }
})

test('what is open to everybody is what has to be', () => {
  const open = api.operations.filter(({ guarded }) => !guarded)
  expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /.well-known/jwks.json',
    'GET /healthz',
    'POST /v1/auth/login',
    'POST /v1/auth/refresh',
    'POST /v1/auth/register',
    'GET /v1/delivery-windows',
    'POST /v1/payments/webhooks/{provider}',
    'GET /v1/products',
    'GET /v1/products/{id}',
    'POST /v1/quotes',
    'GET /v1/tracking/{token}',
    'GET /v1/tracking/{token}/events',
    'GET /v1/tracking/{token}/photo',
  ])
})

function rolesOf({ method, path }: Operation): Role[] {
  if (/^\/v1\/(auth|me)\b/.test(path)) return ['customer', 'driver', 'ops']
  if (path.startsWith('/v1/driver/')) return ['driver']
  if (method === 'GET' && path === '/v1/orders/{id}') return ['customer', 'ops']
  return /^\/v1\/(orders|checkout)\b/.test(path) ? ['customer'] : ['ops']
}

function send({ method, path }: Operation, token?: string): Promise<HttpAnswer> {
  // A body of the logout is read before the token, because it may stand for the token.
  const bodiless = method === 'GET' || method === 'DELETE' || path === '/v1/auth/logout'
  const body = bodiless ? undefined : { nonsense: true }
  const filled = path.replaceAll(/\{\w+\}/g, '01900000-0000-7000-8000-00000000dead')
  return request(method as 'GET' | 'POST', url(filled), { token, body })
}

test('what is inside cannot be reached', async () => {
  const hidden = ['/internal', '/internal/events', '/internal/accounts', '/metrics', '/v1/../internal/events']
  const disguised = [
    '/v1/orders/..%2f..%2finternal%2fevents',
    '//internal/events',
    '/Internal/events',
    '/%69nternal',
  ]
  for (const path of [...hidden, ...disguised, '/v1/products/..;/metrics']) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await request(method, url(path), {
        token: system.internalToken,
        body: method === 'POST' ? {} : undefined,
      })
      expectProblem(answer, 404, 'route_not_found')
    }
  }
})

test('every service answers its probes and its metrics on its own port', async () => {
  for (const service of serviceNames) {
    const own = system.urlOf(service)
    expect(await request('GET', `${own}/livez`), service).toMatchObject({ status: 200 })
    expect(await request('GET', `${own}/readyz`), service).toMatchObject({ status: 200 })
    // The public port never answers `/metrics`, so the gateway has another one for it.
    const metrics = service === 'gateway' ? `http://127.0.0.1:${metricsPort}` : own
    const { status, body } = await request('GET', `${metrics}/metrics`)
    expect({ service, status }).toEqual({ service, status: 200 })
    expect(body).toMatch(/^# TYPE \w+ (counter|histogram|gauge)$/m)
  }
})

test('errors have one form, wherever they come from', async () => {
  const { token } = people.customer
  const post = (path: string, body: unknown, headers = {}) =>
    request('POST', url(path), { token, body, headers })
  expectProblem(await request('GET', url('/v1/nowhere')), 404, 'route_not_found')
  expectProblem(await request('GET', url('/v1/orders/1/2/3'), { token }), 404, 'route_not_found')
  expectProblem(await request('GET', url('/v1/orders/not-an-id'), { token }), 400, 'validation_failed')
  expectProblem(await post('/v1/me/addresses', '{"line1":'), 400, 'invalid_json')
  expectProblem(await post('/v1/me/addresses', undefined), 400, 'validation_failed')
  expectProblem(await post('/v1/me/addresses', '[]'), 400, 'validation_failed')
  const asXml = { 'content-type': 'application/xml' }
  expectProblem(await post('/v1/me/addresses', '<a/>', asXml), 415, 'unsupported_media_type')
  const large = { line1: 'x'.repeat(300 * 1024) }
  expectProblem(await post('/v1/me/addresses', large), 413, 'body_too_large')
  expectProblem(await request('GET', url(`/v1/tracking/${'x'.repeat(300)}`)), 414, 'uri_too_long')
  expectProblem(await request('GET', url(`/v1/products?search=${'x'.repeat(9_000)}`)), 414, 'uri_too_long')
})

test('a request keeps its id and its trace through the services', async () => {
  const requestId = `test-${crypto.randomUUID()}`
  const traceId = crypto.randomUUID().replaceAll('-', '')
  const headers = { 'x-request-id': requestId, traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const answer = await request('GET', url('/v1/products'), { headers })
  expect(answer).toMatchObject({ status: 200, headers: { 'x-request-id': requestId } })
  for (const program of ['gateway', 'inventory'] as const) {
    await waitFor(
      () => {
        const log = system.logOf(program, { lines: 200 })
        return log.includes(requestId) && log.includes(traceId)
      },
      { describe: `the log of ${program} has the request and its trace` },
    )
  }
  const other = await request('GET', url('/v1/products'), { headers: { 'x-request-id': 'with spaces' } })
  expect(other.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
})

/** The last one here, because it leaves a gateway that refuses. */
test('limits are announced and then kept', async () => {
  await system.restart('gateway', { env: { RATE_LIMIT_PER_MINUTE: '6', AUTH_RATE_LIMIT_PER_MINUTE: '3' } })
  const list = () => request('GET', url('/v1/products'))
  const logIn = () =>
    request('POST', url('/v1/auth/login'), { body: { email: 'a@b.test', password: 'wrong' } })
  for (const [ask, limit, first] of [
    [list, 6, 200],
    [logIn, 3, 401],
  ] as const) {
    const answers: HttpAnswer[] = []
    while (answers.at(-1)?.status !== 429 && answers.length < 20) answers.push(await ask())
    expect(answers[0]).toMatchObject({
      status: first,
      headers: { 'ratelimit-policy': `"minute";q=${limit};w=60`, 'ratelimit-limit': String(limit) },
    })
    const [refused] = answers.slice(-1)
    expectProblem(refused!, 429, 'rate_limited')
    expect(Number(refused!.headers['retry-after'])).toBeGreaterThan(0)
    expect(refused!.headers.ratelimit).toMatch(/^"minute";r=0;t=\d+$/)
  }
})
