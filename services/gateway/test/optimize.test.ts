import http from 'node:http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { send, startGateway, startService } from './start-gateway.ts'

const MIB = 1024 * 1024
const post = (url: string, body: Buffer, path = '/v1/optimize') => send(url, { method: 'POST', path, body })

test('a routing problem may be large, and nothing else', async () => {
  const service = await startService()
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url })
  const fits = await post(gateway.url, Buffer.alloc(16 * MIB, 'a'))
  expect([fits.status, fits.body.body.length]).toEqual([200, 16 * MIB])
  const tooLarge = await post(gateway.url, Buffer.alloc(16 * MIB + 1, 'a'))
  expect(tooLarge).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  expect(tooLarge.body.detail).toContain(String(16 * MIB))
  expect((await post(gateway.url, Buffer.alloc(MIB, 'a'), '/v1/hubs')).status).toBe(413)
  expect(service.received).toHaveLength(1)
})

test('problems go to the optimizer where it has an address', async () => {
  const [service, optimizer] = [await startService(), await startService()]
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url, OPTIMIZER_URL: optimizer.url })
  await post(gateway.url, Buffer.from('{}'))
  await post(gateway.url, Buffer.from('{}'), '/v1/hubs')
  expect(optimizer.received.map(({ url }) => url)).toEqual(['/v1/optimize'])
  expect(service.received.map(({ url }) => url)).toEqual(['/v1/hubs'])
})

test('a few large problems are under way at a time, and small ones always pass', async () => {
  const waiting: http.ServerResponse[] = []
  const service = await startService((request, response) => {
    request.resume()
    if (Number(request.headers['content-length']) > 1_000) waiting.push(response)
    else response.end()
  })
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url })
  const large = () => post(gateway.url, Buffer.alloc(MIB, 'a'))
  const first = [large(), large(), large(), large()]
  await waitFor(() => waiting.length === 4, { describe: 'four problems to reach the service' })
  const refused = await large()
  expect(refused).toMatchObject({ status: 503, body: { code: 'optimizer_busy' } })
  expect(refused.headers['retry-after']).toBe('5')
  expect((await post(gateway.url, Buffer.from('{}'))).status).toBe(200)
  for (const response of waiting) response.end()
  for (const { status } of await Promise.all(first)) expect(status).toBe(200)
  const next = large()
  await waitFor(() => waiting.length === 5, { describe: 'the next one to reach the service' })
  waiting[4]?.end()
  expect((await next).status).toBe(200)
})

test('progress passes as it comes, and a stop waits for the answer behind it', async () => {
  const streams: http.ServerResponse[] = []
  const service = await startService((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: progress\ndata: {}\n\n')
    streams.push(response)
  })
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url })
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.request(`${gateway.url}/v1/optimize`, { method: 'POST' }, resolve).once('error', reject).end('{}')
  })
  let text = ''
  answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await waitFor(() => text.includes('progress'), { describe: 'the first event' })
  const closed = gateway.close()
  streams[0]?.end('event: answer\ndata: {"code":0}\n\n')
  await new Promise((resolve) => answer.once('end', resolve))
  expect(text).toContain('event: answer')
  await closed
})

test('a problem may take longer than other requests, and not forever', async () => {
  const service = await startService((request) => void request.resume())
  const env = { DELIVERY_ROUTING_URL: service.url, REQUEST_TIMEOUT_MS: '60000', OPTIMIZE_TIMEOUT_MS: '50' }
  const gateway = await startGateway(env)
  const answer = await post(gateway.url, Buffer.from('{}'))
  expect(answer).toMatchObject({ status: 504, body: { code: 'gateway_timeout' } })
})
