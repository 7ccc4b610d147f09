import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCanonicalPath } from '../src/request-path.ts'
import { routingTable, upstreamOfPath } from '../src/routing-table.ts'
import { send, startGateway, startService } from './start-gateway.ts'

const id = '01995e7c-0000-7000-8000-000000000001'

const expectedService = {
  auth: [
    '/v1/auth/register',
    '/v1/auth/login',
    '/v1/auth/refresh',
    '/v1/auth/logout',
    `/v1/auth/sessions/${id}`,
    '/v1/me',
    `/v1/me/addresses/${id}`,
    '/.well-known/jwks.json',
  ],
  inventory: ['/v1/products', `/v1/products/${id}`, `/v1/products/${id}/stock-adjustments`],
  order: [
    '/v1/quotes',
    '/v1/checkout',
    '/v1/orders',
    `/v1/orders/${id}`,
    `/v1/orders/${id}/cancel`,
    `/v1/orders/${id}/claims`,
    `/v1/orders/${id}/payment-action`,
    `/v1/claims/${id}/resolve`,
  ],
  payment: [
    `/v1/payments/${id}`,
    `/v1/payments/${id}/refunds`,
    '/v1/payments/reconciliation',
    '/v1/payments/webhooks/stripe',
  ],
  'delivery-routing': [
    '/v1/delivery-windows',
    '/v1/hubs',
    '/v1/vehicles',
    '/v1/drivers',
    '/v1/drivers/locations',
    '/v1/shifts',
    '/v1/dispatch/plans',
    `/v1/dispatch/stops/${id}/move`,
    '/v1/driver/route',
    '/v1/driver/route/events',
    `/v1/driver/stops/${id}/deliver`,
    `/v1/orders/${id}/tracking`,
    `/v1/orders/${id}/tracking/events`,
    `/v1/orders/${id}/tracking-links`,
    '/v1/tracking/abc',
    '/v1/optimize',
  ],
}

test('every public path reaches the service that owns it, with its query, method and body', async () => {
  const services = await Promise.all(
    Object.keys(expectedService).map(async (name) => [name, await startService()] as const),
  )
  const gateway = await startGateway(
    Object.fromEntries(
      services.map(([name, { url }]) => [`${name.toUpperCase().replace('-', '_')}_URL`, url]),
    ),
  )
  const arrived: string[] = []
  for (const [name, service] of services) {
    for (const path of expectedService[name as keyof typeof expectedService]) {
      const { body } = await send(gateway.url, {
        method: 'POST',
        path: `${path}?a=1&b=%20x`,
        headers: { 'content-type': 'application/json' },
        body: '{"raw":  true}',
      })
      expect(body).toMatchObject({ method: 'POST', url: `${path}?a=1&b=%20x`, body: '{"raw":  true}' })
      if (service.received.at(-1)?.url === body.url && upstreamOfPath(path) === name) arrived.push(path)
    }
  }
  expect(arrived).toEqual(Object.values(expectedService).flat())
})

const hidden = [
  '/internal',
  '/internal/accounts',
  '/INTERNAL/accounts',
  '/Internal',
  '//internal/accounts',
  '/%69nternal/accounts',
  '/%2finternal/accounts',
  '/%2Finternal',
  '/./internal/accounts',
  '/v1/../internal/accounts',
  '/v1/%2e%2e/internal/accounts',
  '/v1/.%2E/internal/accounts',
  '/v1/products/../../internal/products/lookup',
  '/v1/products/..%2f..%2finternal/products/lookup',
  '/v1/orders/..%2f..%2finternal/orders/outcomes',
  '/v1/orders/..%5c..%5cinternal',
  '/v1/orders/..\\..\\internal',
  '/v1/orders/%252e%252e/%252e%252e/internal',
  '/v1/orders//internal',
  '/v1/orders/x%00/../internal',
  '/v1/products/%zz',
  '/v1/products/;/../../internal',
  '/v1/orders#/../../internal',
  '/internal?/v1/products',
  'http://127.0.0.1/internal/accounts',
  '/metrics',
  '//metrics',
  '/metrics/',
  '/%6detrics',
  '/v1/products/..%2f..%2fmetrics',
  '/v1/products/../../metrics',
  '/V1/products',
  '/v1',
  '/v1/',
  '/',
  '/v1/productsx',
  '/livez/../metrics',
]

test('a path that is not public is 404 and reaches no service', async () => {
  const service = await startService()
  const names = ['AUTH_URL', 'INVENTORY_URL', 'ORDER_URL', 'PAYMENT_URL', 'DELIVERY_ROUTING_URL']
  const gateway = await startGateway(Object.fromEntries(names.map((name) => [name, service.url])))
  const problem = { status: 404, code: 'route_not_found', type: 'application/problem+json', identified: true }
  const attempts = hidden.flatMap((path) => ['GET', 'POST'].map((method) => ({ method, path })))
  const answers = await Promise.all(
    attempts.map(async (attempt) => {
      const { status, headers, body } = await send(gateway.url, attempt)
      const identified = body.requestId === headers['x-request-id']
      return { ...attempt, status, code: body.code, type: headers['content-type'], identified }
    }),
  )
  expect(answers).toEqual(attempts.map((attempt) => ({ ...attempt, ...problem })))
  expect(service.received).toEqual([])
})

const pieces = [
  ['/', '.', '..', '%2e', '%2F', '%5c', '\\', '%25', '%32%66', '%69', '%20', '%C3%A9', ';', '#', '~'],
  ['internal', 'metrics', 'v1', 'products', ':', '@', '\u0000', '%00', '%7F', 'a'],
].flat()

test('no path that is let through can be read as another one', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (chosen) => {
      const path = `/${chosen.join('')}`
      fc.pre(isCanonicalPath(path))
      const steps = path.split('/')
      const decoded = steps.map(unescape)
      expect(new URL(path, 'http://service').pathname).toBe(path)
      expect(decoded.map(unescape)).toEqual(decoded)
      expect(decoded.join('/').split(/[/\\]/)).toEqual(decoded)
      // A literal step of the routing table can be written in one way only.
      expect(decoded.filter((step, index) => /^[a-z0-9]+$/.test(step) && step !== steps[index])).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

test('the routing table names no pattern twice and nothing internal', () => {
  const patterns = routingTable.map(({ pattern }) => pattern)
  expect(new Set(patterns).size).toBe(patterns.length)
  expect(patterns.filter((pattern) => !/^\/(v1\/|\.well-known\/)/.test(pattern))).toEqual([])
})
