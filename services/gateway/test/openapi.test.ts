import type { RequestListener } from 'node:http'
import { Validator } from '@seriousme/openapi-schema-validator'
import { createLog } from '@urbanbloom/service-kit/log'
import { expect, onTestFinished, test } from 'vitest'
import { createOpenApi } from '../src/openapi.ts'
import { mergeDocuments, type OpenApiDocument } from '../src/openapi-merge.ts'
import { createUpstream } from '../src/upstream.ts'
import { send, startGateway, startService } from './start-gateway.ts'

const ok = (schema: string) => ({
  200: {
    description: 'Fine',
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
  },
})
const text = { type: 'object', properties: { name: { type: 'string' } } }

const inventory: OpenApiDocument = {
  paths: {
    '/v1/products': { get: { summary: 'The catalog', responses: ok('Item') } },
    '/v1/products/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: { tags: ['catalog'], responses: { 200: { description: 'Default Response' } } },
      patch: { security: [{ bearer: [] }], responses: { ...ok('Shared'), default: { description: 'Own' } } },
    },
    '/internal/products/lookup': { post: { responses: ok('Item') } },
    '/v1/orders': { get: { summary: 'not ours to describe', responses: ok('Item') } },
  },
  components: {
    schemas: { Item: text, Shared: text, Loop: { $ref: '#/components/schemas/Item' } },
    securitySchemes: { bearer: { type: 'http', scheme: 'basic' } },
  },
}
const order: OpenApiDocument = {
  paths: { '/v1/orders': { get: { security: [{ bearer: [] }], responses: ok('Item') } } },
  components: {
    schemas: {
      Item: {
        type: 'object',
        properties: {
          next: { $ref: '#/components/schemas/Item' },
          shared: { $ref: '#/components/schemas/Shared' },
        },
      },
      Shared: text,
    },
  },
}

const both = [
  { name: 'inventory' as const, document: inventory },
  { name: 'order' as const, document: order },
]

function says(document: OpenApiDocument): RequestListener {
  return (_request, response) => {
    response.setHeader('content-type', 'application/json')
    setTimeout(() => response.end(JSON.stringify(document)), 20)
  }
}

async function errorsOf(document: object): Promise<unknown> {
  const { valid, errors } = await new Validator().validate(document as Record<string, unknown>)
  return valid ? [] : errors
}

test('the merged document is valid OpenAPI 3.1 and holds public calls of their owners only', async () => {
  const merged = mergeDocuments(both)
  expect(await errorsOf(merged)).toEqual([])
  expect(merged.openapi).toBe('3.1.0')
  expect(Object.keys(merged.paths)).toEqual(['/healthz', '/v1/orders', '/v1/products', '/v1/products/{id}'])
  expect(merged.paths['/v1/orders']?.get).not.toHaveProperty('summary')
  expect(JSON.stringify(merged)).not.toContain('internal/')
})

test('components of one name and different meaning are kept apart, equal ones are shared', () => {
  const merged = mergeDocuments(both)
  expect(Object.keys(merged.components.schemas ?? {}).toSorted()).toEqual([
    'Item',
    'Loop',
    'Problem',
    'Shared',
    'order.Item',
  ])
  expect(merged.components.schemas?.['order.Item']).toEqual({
    type: 'object',
    properties: {
      next: { $ref: '#/components/schemas/order.Item' },
      shared: { $ref: '#/components/schemas/Shared' },
    },
  })
  const orders = merged.paths['/v1/orders']?.get as { responses: object }
  expect(orders.responses).toMatchObject(ok('order.Item'))
  const products = merged.paths['/v1/products']?.get as { responses: object }
  expect(products.responses).toMatchObject(ok('Item'))
})

test('each call has its service as tag, its own security, and the errors that all calls share', () => {
  const merged = mergeDocuments(both)
  const { get, patch } = merged.paths['/v1/products/{id}'] as Record<string, any>
  expect(get.tags).toEqual(['catalog'])
  expect(get.security).toBeUndefined()
  expect(get.responses[200].description).toBe('Success')
  expect(merged.tags).toEqual(['gateway', 'inventory', 'catalog', 'order'].map((name) => ({ name })))
  expect(get.responses.default).toEqual({ $ref: '#/components/responses/Problem' })
  expect(get.responses[429]).toEqual({ $ref: '#/components/responses/RateLimited' })
  expect(patch.tags).toEqual(['inventory'])
  expect(patch.security).toEqual([{ bearer: [] }])
  expect(patch.responses.default).toEqual({ description: 'Own' })
  expect(merged.components.securitySchemes?.bearer).toMatchObject({ scheme: 'bearer' })
  expect(merged.info.description).toContain('Idempotency-Key')
})

test('/openapi.json asks each service once, has an ETag, and 304 while nothing changed', async () => {
  const inventoryService = await startService(says(inventory))
  const orderService = await startService(says(order))
  const gateway = await startGateway({ INVENTORY_URL: inventoryService.url, ORDER_URL: orderService.url })
  const path = '/openapi.json'
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(gateway.url, { path })))
  expect(inventoryService.received).toHaveLength(1)
  for (const { status, body } of answers) {
    expect(status).toBe(200)
    expect(Object.keys(body.paths)).toContain('/v1/orders')
  }
  expect(await errorsOf(answers[0]?.body)).toEqual([])
  const etag = String(answers[0]?.headers.etag)
  expect((await send(gateway.url, { path, headers: { 'if-none-match': etag } })).status).toBe(304)
})

test('a service that was there once stays described while it is away', async () => {
  const services = { inventory: await startService(says(inventory)), order: await startService(says(order)) }
  const upstreams = {
    inventory: createUpstream('inventory', [services.inventory.url]),
    order: createUpstream('order', [services.order.url]),
  }
  onTestFinished(async () => {
    await Promise.all([upstreams.inventory.close(), upstreams.order.close()])
  })
  const log = createLog('gateway', 'silent')
  const openApi = createOpenApi({ upstreams, log, freshIncompleteMs: 0, freshMs: 0 })
  const before = await openApi.document()
  await services.order.close()
  const asked = services.inventory.received.length
  expect(await openApi.document()).toMatchObject({ text: before.text, etag: before.etag })
  expect(services.inventory.received).toHaveLength(asked + 1)
  expect(Object.keys(JSON.parse(before.text).paths)).toContain('/v1/orders')
})

test('a service that sends nonsense or nothing delays the document by its deadline at most', async () => {
  const silent = await startService((request) => request.resume())
  const nonsense = await startService((_request, response) => response.end('<html>'))
  const inventoryService = await startService((_request, response) => response.end(JSON.stringify(inventory)))
  const gateway = await startGateway({
    AUTH_URL: silent.url,
    ORDER_URL: nonsense.url,
    INVENTORY_URL: inventoryService.url,
  })
  const start = performance.now()
  const { status, body } = await send(gateway.url, { path: '/openapi.json' })
  expect(performance.now() - start).toBeLessThan(4_000)
  expect(status).toBe(200)
  expect(Object.keys(body.paths)).toEqual(['/healthz', '/v1/products', '/v1/products/{id}'])
})

test('the reference pages load nothing from elsewhere', async () => {
  const gateway = await startGateway({})
  const page = await send(gateway.url, { path: '/docs' })
  expect(page.status).toBe(200)
  expect(page.headers['content-type']).toMatch(/^text\/html/)
  expect(page.text.match(/(?:src|href)="[^"]*"/g)).toEqual(['src="/docs/js/scalar.js"'])
  expect(page.text).not.toMatch(/https?:\/\//)
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/https?:|\*/)
  const script = await send(gateway.url, { path: '/docs/js/scalar.js' })
  expect(script.status).toBe(200)
  expect(script.headers['content-type']).toMatch(/javascript/)
  expect(script.text.length).toBeGreaterThan(100_000)
})
