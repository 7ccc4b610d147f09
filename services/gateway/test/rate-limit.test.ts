import net from 'node:net'
import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { clientNetwork } from '../src/client-network.ts'
import { send, startGateway, startService } from './start-gateway.ts'

let redis: Awaited<ReturnType<typeof startRedis>>
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.close())
beforeEach(async () => {
  await redis.restart()
})

const path = '/v1/products/1'

async function startLimited(env: Record<string, string> = {}) {
  const service = await startService()
  const gateway = await startGateway({
    REDIS_URL: redis.url,
    INVENTORY_URL: service.url,
    AUTH_URL: service.url,
    PAYMENT_URL: service.url,
    TRUST_PROXY: '1',
    RATE_LIMIT_PER_MINUTE: '5',
    AUTH_RATE_LIMIT_PER_MINUTE: '3',
    ...env,
  })
  const ask = (options: { path?: string; from?: string; token?: string } = {}) =>
    send(gateway.url, {
      path: options.path ?? path,
      headers: {
        'x-forwarded-for': options.from ?? '192.0.2.1',
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      },
    })
  // The connection to Redis is made in the background; until then everybody passes.
  await waitFor(async () => (await ask({ from: '198.51.100.99' })).headers.ratelimit !== undefined, {
    describe: 'Redis is connected',
  })
  return { service, ask, gateway }
}

test('an address gets its number of requests, then 429 that says how long to wait', async () => {
  const { ask, service } = await startLimited()
  const before = service.received.length
  for (let left = 4; left >= 0; left -= 1) {
    const answer = await ask()
    expect(answer.status).toBe(200)
    expect(answer.headers['ratelimit-limit']).toBe('5')
    expect(Number(answer.headers['ratelimit-remaining'])).toBe(left)
    expect(answer.headers['ratelimit-policy']).toBe('"minute";q=5;w=60')
  }
  const refused = await ask()
  expect(refused.status).toBe(429)
  expect(refused.headers['content-type']).toBe('application/problem+json')
  expect(refused.body).toMatchObject({ code: 'rate_limited', status: 429, instance: path })
  const wait = Number(refused.headers['retry-after'])
  expect(wait).toBeGreaterThan(0)
  expect(wait).toBeLessThanOrEqual(12)
  expect(refused.headers.ratelimit).toBe(`"minute";r=0;t=${wait}`)
  expect(service.received.length - before).toBe(5)
  expect((await ask({ from: '192.0.2.2' })).status).toBe(200)
})

test('of many at once exactly the allowed number passes, over two processes of the gateway', async () => {
  const [one, two] = [await startLimited(), await startLimited()]
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : two).ask()))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(35)
})

test('what was used comes back with time', async () => {
  const { ask } = await startLimited({ RATE_LIMIT_PER_MINUTE: '60' })
  const answers = await Promise.all(Array.from({ length: 75 }, () => ask()))
  expect(answers.some(({ status }) => status === 429)).toBe(true)
  await waitFor(async () => (await ask()).status === 200, {
    describe: 'a second later one is free',
  })
})

test('tokens count each for itself, under a ceiling for their address', async () => {
  const { ask } = await startLimited()
  for (let i = 0; i < 5; i += 1) expect((await ask({ token: 'a' })).status).toBe(200)
  expect((await ask({ token: 'a' })).status).toBe(429)
  expect((await ask({ token: 'a', from: '192.0.2.77' })).status).toBe(429)
  expect((await ask({ token: 'b' })).status).toBe(200)
  // One after the other: a Redis that a busy machine keeps waiting lets requests pass, which is not the question here.
  const madeUp: number[] = []
  for (let i = 0; i < 60; i += 1) madeUp.push((await ask({ token: `made-up-${i}` })).status)
  expect(madeUp.filter((status) => status === 200).length).toBeLessThanOrEqual(50)
  expect(madeUp.at(-1)).toBe(429)
})

test('logging in has a stricter limit by address, which no token lifts', async () => {
  const { ask } = await startLimited()
  const statuses = []
  for (const [index, call] of ['login', 'register', 'refresh', 'login'].entries()) {
    statuses.push((await ask({ path: `/v1/auth/${call}`, token: `t${index}` })).status)
  }
  expect(statuses).toEqual([200, 200, 200, 429])
  expect((await ask()).status, 'other calls have their own').toBe(200)
  expect((await ask({ path: '/healthz' })).status).toBe(200)
})

test("the provider's webhooks have a limit of their own, which a burst of them does not reach", async () => {
  const webhook = '/v1/payments/webhooks/stripe'
  const burst = await startLimited()
  const answers = await Promise.all(Array.from({ length: 700 }, () => burst.ask({ path: webhook })))
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  expect(answers[0]?.headers['ratelimit-limit']).toBe('60000')
  expect((await burst.ask()).status, 'and use up nothing of what their address may do').toBe(200)

  const { ask } = await startLimited({ WEBHOOK_RATE_LIMIT_PER_MINUTE: '7' })
  const from = '192.0.2.3'
  const statuses = []
  for (let i = 0; i < 8; i += 1) {
    statuses.push((await ask({ path: webhook, from, token: `t${i}` })).status)
  }
  expect(statuses).toEqual([...Array.from({ length: 7 }, () => 200), 429])
})

test('without Redis everybody passes, and limits are back when it is', async () => {
  const { ask } = await startLimited()
  for (let i = 0; i < 6; i += 1) await ask()
  expect((await ask()).status).toBe(429)
  await redis.stop()
  for (let i = 0; i < 12; i += 1) {
    const answer = await ask()
    expect(answer.status).toBe(200)
    expect(answer.headers).not.toHaveProperty('ratelimit')
  }
  await redis.start()
  await waitFor(async () => (await ask()).headers.ratelimit !== undefined, { describe: 'limits are back' })
})

test('a Redis that accepts and says nothing delays a few requests and refuses none', async () => {
  const silent = net.createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    silent.close()
  })
  const service = await startService()
  const { port } = silent.address() as net.AddressInfo
  const gateway = await startGateway({ INVENTORY_URL: service.url, REDIS_URL: `redis://127.0.0.1:${port}` })
  const start = performance.now()
  for (let i = 0; i < 30; i += 1) expect((await send(gateway.url, { path })).status).toBe(200)
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('one customer is one network, however the address is written', () => {
  expect(clientNetwork('203.0.113.7')).toBe('203.0.113.7')
  expect(clientNetwork('::ffff:203.0.113.7')).toBe('203.0.113.7')
  expect(clientNetwork('2001:db8:0:7::1')).toBe('2001:db8:0:7::/64')
  expect(clientNetwork('2001:0DB8:0000:0007:ffff::')).toBe('2001:db8:0:7::/64')
  expect(clientNetwork('::1')).toBe('0:0:0:0::/64')
  const group = fc.integer({ min: 0, max: 0xffff })
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const written = groups.map((value) => value.toString(16)).join(':')
      const canonical = new URL(`http://[${written}]`).hostname.slice(1, -1)
      expect(clientNetwork(canonical)).toBe(clientNetwork(written))
    }),
  )
})
