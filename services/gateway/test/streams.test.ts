import http from 'node:http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { send, startGateway, startService } from './start-gateway.ts'

const path = '/v1/orders/1/tracking/events'

/** A service of server-sent events that a test writes by hand. */
async function startEvents() {
  const open: http.ServerResponse[] = []
  let left = 0
  const service = await startService((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.flushHeaders()
    open.push(response)
    response.on('close', () => (left += 1))
  })
  return { ...service, open, left: () => left }
}

/** Reads a stream in the background. */
async function listen(url: string) {
  const request = http.get(`${url}${path}`, { agent: false, headers: { 'last-event-id': '41' } })
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject)
  })
  const reader = { text: '', ended: false, broken: false, response, leave: () => request.destroy() }
  request.on('error', () => undefined)
  response.setEncoding('utf8').on('data', (chunk) => (reader.text += chunk))
  response.on('end', () => (reader.ended = true)).on('error', () => (reader.broken = true))
  return reader
}

test('events arrive one by one as they are written, beyond every deadline', async () => {
  const events = await startEvents()
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: events.url, REQUEST_TIMEOUT_MS: '100' })
  const reader = await listen(gateway.url)
  expect(reader.response.headers['content-type']).toBe('text/event-stream')
  expect(reader.text, 'the headers come before the first event').toBe('')
  expect(events.received[0]?.headers['last-event-id']).toBe('41')

  const start = performance.now()
  await waitFor(() => performance.now() - start > 250, { describe: 'the deadline of other routes is over' })
  let expected = ''
  for (let i = 0; i < 3; i += 1) {
    expected += `id: ${i}\ndata: {}\n\n`
    events.open[0]?.write(`id: ${i}\ndata: {}\n\n`)
    await waitFor(() => reader.text === expected, { describe: `event ${i} arrives alone` })
  }
  events.open[0]?.end()
  await waitFor(() => reader.ended, { describe: 'the end arrives' })
})

test('a listener that leaves is gone for the service too', async () => {
  const events = await startEvents()
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: events.url })
  const reader = await listen(gateway.url)
  reader.leave()
  await waitFor(() => events.left() === 1, { describe: 'the service sees the listener leave' })
  const counted = await waitFor(
    async () =>
      /in_flight\{upstream="delivery-routing",pool="streams".*\} 0/.test(
        (await send(gateway.metricsUrl)).text,
      ),
    { describe: 'the stream is no longer counted' },
  )
  expect(counted).toBe(true)
})

test('a stream that breaks behind the gateway breaks in front of it', async () => {
  const events = await startEvents()
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: events.url })
  const reader = await listen(gateway.url)
  await events.close()
  await waitFor(() => reader.broken, { describe: 'the listener notices' })
  expect(reader.ended).toBe(false)
})

test('open streams take no connection away from short requests', async () => {
  const events = await startEvents()
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: events.url, RATE_LIMIT_PER_MINUTE: '100000' })
  const readers = await Promise.all(Array.from({ length: 200 }, () => listen(gateway.url)))
  const answer = await new Promise<http.IncomingMessage>((resolve) => {
    http.get(`${gateway.url}/v1/hubs`, { agent: false }, resolve)
  })
  expect(answer.statusCode).toBe(200)
  answer.destroy()
  for (const reader of readers) reader.leave()
})

test('a service that refuses a stream in time is heard; one that says nothing is 504', async () => {
  const refusing = await startService((_request, response) => {
    response
      .writeHead(401, { 'content-type': 'application/problem+json' })
      .end('{"code":"access_token_required"}')
  })
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: refusing.url })
  expect((await send(gateway.url, { path })).body).toEqual({ code: 'access_token_required' })

  const silent = await startService((request) => request.resume())
  const other = await startGateway({ DELIVERY_ROUTING_URL: silent.url, REQUEST_TIMEOUT_MS: '100' })
  expect((await send(other.url, { path })).status).toBe(504)
})

test('stopping finishes requests, ends streams in good order and refuses nothing on the way', async () => {
  const events = await startEvents()
  let answer: http.ServerResponse | undefined
  const slow = await startService((_request, response) => (answer = response))
  const gateway = await startGateway({
    DELIVERY_ROUTING_URL: events.url,
    INVENTORY_URL: slow.url,
    DRAIN_DELAY_MS: '1000',
  })
  const reader = await listen(gateway.url)
  const pending = send(gateway.url, { path: '/v1/products/1' })
  await waitFor(() => answer !== undefined, { describe: 'a request is under way' })
  expect((await send(gateway.url, { path: '/readyz' })).status).toBe(200)

  const closed = gateway.close()
  const whileStopping = await send(gateway.url, { path: '/readyz', headers: { connection: 'keep-alive' } })
  expect(whileStopping.status).toBe(503)
  expect(whileStopping.headers.connection).toBe('close')
  await waitFor(() => reader.ended, { describe: 'the stream ends' })
  expect(reader.broken).toBe(false)
  answer?.end('late')
  expect((await pending).text).toBe('late')
  await closed
  await expect(send(gateway.url, { path: '/healthz' })).rejects.toThrow('ECONNREFUSED')
})
