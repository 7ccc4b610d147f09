import { expect, test } from 'vitest'
import { capabilities, capabilityOf } from '../src/capabilities.ts'
import { routingTable } from '../src/routing-table.ts'
import { createStatusMonitor } from '../src/status-monitor.ts'
import { createUpstream } from '../src/upstream.ts'
import { send, startGateway, startService } from './start-gateway.ts'

type Ready = { isReady: boolean }

/** A service whose readiness can be turned off; it counts how often it is asked. */
function startReady(ready: Ready = { isReady: true }) {
  return startService((request, response) => {
    response.statusCode = request.url === '/readyz' && ready.isReady ? 200 : 503
    response.end('{"reason":"password authentication failed for user \\"order_service\\""}')
  })
}

async function startAll(states: Partial<Record<string, Ready>> = {}) {
  const names = ['auth', 'inventory', 'order', 'payment', 'delivery-routing'] as const
  const services = await Promise.all(names.map((name) => startReady(states[name])))
  const urls = Object.fromEntries(
    names.map((name, index) => [`${name.toUpperCase().replace('-', '_')}_URL`, services[index]!.url]),
  )
  return { services, gateway: await startGateway(urls) }
}

const stateOf = (body: any, id: string) => body.capabilities.find((each: any) => each.id === id)?.state

test('with everything ready everything works, for people and for programs', async () => {
  const { gateway } = await startAll()
  const json = await send(gateway.url, { path: '/status' })
  expect(json.status).toBe(200)
  expect(json.headers['content-type']).toContain('application/json')
  expect(json.body.state).toBe('works')
  expect(new Set(json.body.capabilities.map(({ role }: any) => role))).toEqual(
    new Set(['customers', 'drivers', 'ops']),
  )
  const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
  const page = await send(gateway.url, { path: '/status', headers: browser })
  expect(page.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    vary: expect.stringContaining('Accept'),
    'content-security-policy': expect.stringContaining("default-src 'none'"),
  })
  expect(page.text).toContain('<h1 class="works">Everything works</h1>')
  for (const { title } of capabilities) expect(page.text).toContain(title)
})

test('what stands on a service that is not ready does not work, and nobody learns why', async () => {
  const { gateway } = await startAll({ payment: { isReady: false } })
  const { body, text } = await send(gateway.url, { path: '/status' })
  expect(body.state).toBe('down')
  expect(['ordering', 'paying', 'money'].map((id) => stateOf(body, id))).toEqual(['down', 'down', 'down'])
  expect(['catalog', 'accounts', 'driver_app'].map((id) => stateOf(body, id))).toEqual([
    'works',
    'works',
    'works',
  ])
  expect(body.capabilities.find(({ id }: any) => id === 'paying').since).toBe(body.checkedAt)
  expect(text).not.toMatch(/password|order_service|127\.0\.0\.1|reason/)
  const page = await send(gateway.url, { path: '/status', headers: { accept: 'text/html' } })
  expect(page.status).toBe(200)
  expect(page.text).toContain('Something does not work right now')
  expect(page.text).not.toMatch(/password|order_service|127\.0\.0\.1/)
})

test('however many people look, the services are asked once', async () => {
  const { gateway, services } = await startAll()
  await Promise.all(Array.from({ length: 30 }, () => send(gateway.url, { path: '/status' })))
  for (const { received } of services) expect(received.map(({ url }) => url)).toEqual(['/readyz'])
})

test('what people see counts, too: a twentieth of failed requests is trouble', async () => {
  const { gateway } = await startAll()
  // The services answer everything but their probe with 503.
  for (let count = 0; count < 6; count += 1) await send(gateway.url, { path: '/v1/products' })
  const { body } = await send(gateway.url, { path: '/status' })
  expect(stateOf(body, 'catalog')).toBe('troubled')
  expect(stateOf(body, 'accounts')).toBe('works')
  expect(body.state).toBe('troubled')
})

test('a few failures among many are no trouble, and of two processes one is enough', async () => {
  const [broken, fine] = await Promise.all([startReady({ isReady: false }), startReady()])
  const one = createUpstream('order', [broken.url, fine.url])
  const names = ['auth', 'inventory', 'order', 'payment', 'delivery-routing'] as const
  const monitor = createStatusMonitor(Object.fromEntries(names.map((name) => [name, one])) as never)
  for (let count = 0; count < 100; count += 1) monitor.record('/v1/checkout', count < 3 ? 502 : 201)
  expect((await monitor.read()).state).toBe('works')
  await one.close()
})

test('each pattern is one of the routing table, and the closest one says what a request is about', () => {
  const patterns = routingTable.map(({ pattern }) => pattern)
  const strangers = capabilities
    .flatMap(({ routes }) => routes)
    .filter((route) => !patterns.some((each) => each === route || each.startsWith(route.replace(/\*$/, ''))))
  expect(strangers).toEqual([])
  expect(capabilityOf('/v1/checkout')).toBe('ordering')
  expect(capabilityOf('/v1/orders/:id')).toBe('orders')
  expect(capabilityOf('/v1/orders/:id/tracking')).toBe('tracking')
  expect(capabilityOf('/v1/driver/route/events')).toBe('driver_app')
  expect(capabilityOf('/v1/payments/webhooks/:provider')).toBe('paying')
  expect(capabilityOf('/healthz')).toBeUndefined()
})
