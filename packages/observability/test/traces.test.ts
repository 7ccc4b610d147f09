import { spawnSync } from 'node:child_process'
import { programNames } from '@urbanbloom/local/programs'
import { buy, openShop } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CollectedSpan, startCollector } from '../src/collector.ts'

const traceId = 'c0ffee00c0ffee00c0ffee00c0ffee00'
/** The client's own span, whose flag says that it does not record; that is for us to decide. */
const traceparent = `00-${traceId}-00f067aa0ba902b7-00`

const envOfAll = (variables: NodeJS.ProcessEnv) =>
  Object.fromEntries(programNames.map((program) => [program, variables]))

describe('with a collector', () => {
  let collector: Awaited<ReturnType<typeof startCollector>>
  let system: System
  let shop: Awaited<ReturnType<typeof openShop>>
  let spans: CollectedSpan[]

  beforeAll(async () => {
    collector = await startCollector()
    const env = envOfAll({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: '1' })
    system = await startSystem({ env })
    shop = await openShop(system)
    const bought = await request('POST', `${system.gatewayUrl}/v1/checkout`, {
      token: shop.customer.token,
      body: shop.one(),
      headers: { 'idempotency-key': crypto.randomUUID(), traceparent },
    })
    if (bought.status !== 201) throw new Error(JSON.stringify(bought.body))
    const ofCheckout = () => collector.spans.filter((span) => span.traceId === traceId)
    await waitFor(
      () =>
        // The last to come is what the subscriber did with the event.
        ofCheckout().some(
          ({ service, name }) => service === 'delivery-routing' && name === 'POST /internal/events',
        ) &&
        ofCheckout().some(({ service }) => service === 'gateway') &&
        ofCheckout().some(({ service, kind }) => service === 'payment' && kind === 'server'),
      { describe: 'the collector has the whole checkout' },
    )
    spans = ofCheckout()
  })
  afterAll(async () => {
    await system?.close()
    await collector?.close()
  })

  const spanOf = (id: string) => spans.find(({ spanId }) => spanId === id)
  /** Who caused a span, from itself up to the entrance: `service name`. */
  const wayTo = (span: CollectedSpan | undefined): string[] =>
    span === undefined ? [] : [`${span.service} ${span.name}`, ...wayTo(spanOf(span.parentSpanId))]
  const find = (service: string, name: string) => {
    const found = spans.find(
      (span) => span.service === service && span.name === name && span.kind !== 'client',
    )
    if (found === undefined) throw new Error(`${service} has no span ${name}: ${spans.map(wayTo).join('\n')}`)
    return found
  }

  test('one checkout is one trace, whose root hangs below the client’s own span', () => {
    const root = find('gateway', 'POST /v1/checkout')
    expect(root.parentSpanId).toBe('00f067aa0ba902b7')
    const orphans = spans.filter((span) => span !== root && spanOf(span.parentSpanId) === undefined)
    expect(orphans).toEqual([])
    expect(root.attributes).toMatchObject({ 'http.route': '/v1/checkout', 'http.response.status_code': 201 })
  })

  test.each([
    ['inventory', 'POST /internal/products/lookup'],
    ['delivery-routing', 'POST /internal/windows/lookup'],
    ['inventory', 'POST /internal/reservations'],
    ['delivery-routing', 'POST /internal/deliveries'],
    ['payment', 'POST /internal/payments'],
  ])('the gateway caused order, which asked %s: %s', (service, name) => {
    expect(wayTo(find(service, name))).toEqual([
      `${service} ${name}`,
      `order ${name}`,
      'order POST /v1/checkout',
      'gateway POST /v1/checkout',
    ])
  })

  test('the event is published in the checkout, carried by the queue, and applied by its subscriber', () => {
    const applied = spans.find(
      ({ service, name, kind }) =>
        service === 'delivery-routing' && name === 'POST /internal/events' && kind === 'server',
    )
    expect(wayTo(applied)).toEqual([
      'delivery-routing POST /internal/events',
      'order POST /internal/events',
      'order process deliver_event',
      'order publish order.confirmed',
      'order POST /v1/checkout',
      'gateway POST /v1/checkout',
    ])
    expect(spanOf(applied?.parentSpanId ?? '')?.kind).toBe('client')
  })

  test('every service’s statements are in it, with their text and without a value', () => {
    const statements = spans.filter(({ attributes }) => attributes['db.system.name'] === 'postgresql')
    expect(new Set(statements.map(({ service }) => service))).toEqual(
      new Set(['order', 'inventory', 'payment', 'delivery-routing']),
    )
    const insert = statements.find(({ service, name }) => service === 'payment' && name === 'insert')
    expect(insert?.attributes['db.query.text']).toContain('$1')
    const texts = JSON.stringify(spans)
    for (const secret of [shop.customer.email, shop.customer.token, 'tok_visa', 'Edgewood', 'Robin']) {
      expect(texts).not.toContain(secret)
    }
  })

  test('Redis is in the trace of a page that is read through the cache', async () => {
    const pageTrace = 'beefbeefbeefbeefbeefbeefbeefbeef'
    const headers = { traceparent: `00-${pageTrace}-00f067aa0ba902b7-01` }
    await request('GET', `${system.gatewayUrl}/v1/products/${shop.plant.id}`, { headers })
    const names = await waitFor(
      () => {
        const ofPage = collector.spans.filter((span) => span.traceId === pageTrace)
        const ofInventory = ofPage.filter(({ service }) => service === 'inventory').map(({ name }) => name)
        return ofInventory.includes('GET /v1/products/:id') ? ofInventory : null
      },
      { describe: 'the collector has the page' },
    )
    expect(names).toContain('redis')
  })

  test('what fails is marked, with the kind of its error and not with its words', async () => {
    const lostTrace = 'deadbeefdeadbeefdeadbeefdeadbeef'
    await system.kill('inventory')
    const headers = { traceparent: `00-${lostTrace}-00f067aa0ba902b7-01` }
    const lost = await request('GET', `${system.gatewayUrl}/v1/products/${shop.plant.id}`, { headers })
    expect(lost.status).toBe(503)
    const span = await waitFor(() => collector.spans.find((each) => each.traceId === lostTrace), {
      describe: 'the collector has the failure',
    })
    expect(span).toMatchObject({ service: 'gateway', hasFailed: true })
    await system.restart('inventory')
  })
})

test('as much is recorded as is asked for, and nobody loses anything when the collector is away', async () => {
  const collector = await startCollector()
  const env = envOfAll({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: '0.5' })
  await using system = await startSystem({ env })
  // The decision is the trace's id alone, so these are known beforehand.
  const ids = Array.from({ length: 40 }, (_, index) => {
    const share = index < 20 ? '10000000' : 'f0000000'
    return `${'a'.repeat(22)}${String(index).padStart(2, '0')}${share}`
  })
  const ask = (id: string) =>
    request('GET', `${system.gatewayUrl}/v1/products`, {
      headers: { traceparent: `00-${id}-00f067aa0ba902b7-01` },
    })
  for (const id of ids) expect((await ask(id)).status).toBe(200)
  await waitFor(() => new Set(collector.spans.map((span) => span.traceId)).size >= 20, {
    describe: 'the recorded half has come',
  })
  const recorded = [...new Set(collector.spans.map((span) => span.traceId))]
  expect(recorded.filter((id) => !ids.slice(0, 20).includes(id))).toEqual([])

  await collector.close()
  const shop = await openShop(system)
  expect((await buy(system.gatewayUrl, shop.customer, shop.one())).status).toBe(201)
})

test('without an endpoint nothing of OpenTelemetry is loaded', () => {
  const program = `
    import { startTracing } from '@urbanbloom/service-kit/tracing'
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context) } })
    await import('@urbanbloom/service-kit/server')
    await import('@urbanbloom/service-kit/db')
    await (await startTracing('x', undefined))()
    const before = loaded.filter((name) => name.includes('opentelemetry')).length
    await (await startTracing('x', { endpoint: 'http://127.0.0.1:9', ratio: 1 }))()
    const after = loaded.filter((name) => name.includes('opentelemetry')).length
    console.log(JSON.stringify({ before, after: after > 0 }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({ before: 0, after: true })
})
