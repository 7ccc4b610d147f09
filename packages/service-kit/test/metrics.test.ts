import { expect, test, vi } from 'vitest'
import { createMetrics } from '../src/metrics.ts'
import { createSampled } from '../src/sampled.ts'

const request = {
  method: 'GET',
  route: '/v1/orders/:id',
  status: 200,
  seconds: 0.02,
  traceId: 'a'.repeat(32),
}

test('a scraper that asks for OpenMetrics gets exemplars, every other one the plain format', async () => {
  const metrics = createMetrics('order')
  metrics.observeRequest(request)
  const rich = await metrics.expose('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
  expect(rich.type).toContain('application/openmetrics-text')
  expect(rich.text).toMatch(/_bucket\{le="0.025",.*\} 1 # \{trace_id="a{32}"\} 0\.02 \d/)
  expect(rich.text).toMatch(/# EOF\n$/)
  // Twice, because the library renames counters at each reading.
  for (const _ of [1, 2]) {
    const plain = await metrics.expose('*/*')
    expect(plain.type).toContain('text/plain')
    expect(plain.text).toContain('# TYPE http_requests_total counter\n')
    expect(plain.text).toContain(
      'http_requests_total{method="GET",route="/v1/orders/:id",status="200",service="order"} 1\n',
    )
    expect(plain.text).not.toMatch(/trace_id|# EOF/)
  }
})

test('methods that nobody serves share one series', async () => {
  const metrics = createMetrics('order')
  for (const method of ['PROPFIND', 'LOCK']) metrics.observeRequest({ ...request, method })
  const { text } = await metrics.expose(undefined)
  expect(text).toContain(
    'http_requests_total{method="other",route="/v1/orders/:id",status="200",service="order"} 2',
  )
})

test('what has to be asked for is asked at most once in its interval, however often somebody scrapes', async () => {
  const metrics = createMetrics('order')
  const read = vi.fn<() => Promise<number>>(async () => 7)
  metrics.sampled('orders_stuck', 'x', [], createSampled(read, { everyMs: 60_000 }), (gauge, value) =>
    gauge.set(value),
  )
  await Promise.all([1, 2, 3].map(() => metrics.expose(undefined)))
  expect((await metrics.expose(undefined)).text).toContain('orders_stuck{service="order"} 7')
  expect(read).toHaveBeenCalledTimes(1)
})

test('a reading that fails leaves no figure behind, and one that hangs holds no scrape up', async () => {
  const metrics = createMetrics('order')
  let fails = false
  const read = async () => {
    if (fails) throw new Error('the database is away')
    return 7
  }
  const write = (gauge: { set(value: number): void }, value: number) => gauge.set(value)
  metrics.sampled('orders_stuck', 'x', [], createSampled(read, { everyMs: 0 }), write)
  metrics.sampled(
    'never_read',
    'x',
    [],
    createSampled(() => new Promise<number>(() => undefined)),
    write,
  )
  expect((await metrics.expose(undefined)).text).toContain('orders_stuck{service="order"} 7')
  fails = true
  const { text } = await metrics.expose(undefined)
  expect(text).not.toMatch(/^(orders_stuck|never_read)[ {]/m)
})
