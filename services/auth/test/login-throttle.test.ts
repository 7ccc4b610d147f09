import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { networkOf } from '../src/login-throttle.ts'
import { type AuthUnderTest, newEmail, password, startAuth } from './start-auth.ts'

const limits = { LOGIN_FAILURES_PER_ACCOUNT: '3', LOGIN_FAILURES_PER_ADDRESS: '8' }

let auth: AuthUnderTest
beforeAll(async () => {
  auth = await startAuth({ env: limits })
})
afterAll(() => auth.close())

let hosts = 0
/** A client address that no other test uses. */
function newAddress(): string {
  hosts += 1
  return `198.51.100.${hosts}`
}

function logIn(email: string, given: string, address = newAddress(), at = auth) {
  const headers = { 'x-forwarded-for': address }
  return at.call('POST', '/v1/auth/login', { body: { email, password: given }, headers })
}

async function failTimes(times: number, email: string, address?: string, at?: AuthUnderTest) {
  for (let count = 0; count < times; count += 1) {
    expect((await logIn(email, 'wrong-password', address, at)).status).toBe(401)
  }
}

test('throttles an account after its failures, from wherever they come, and says for how long', async () => {
  const { user } = await auth.register()
  await failTimes(3, user.email)
  const answer = await logIn(user.email, password)
  expect([answer.status, answer.body.code]).toEqual([429, 'login_throttled'])
  const seconds = Number(answer.headers['retry-after'])
  expect(seconds).toBeGreaterThan(800)
  expect(seconds).toBeLessThanOrEqual(900)
})

test('throttles an email without an account in the same way', async () => {
  const email = newEmail()
  await failTimes(3, email)
  expect((await logIn(email, 'wrong-password')).body.code).toBe('login_throttled')
})

test('throttles an address that tries many accounts, but not its neighbour', async () => {
  const address = newAddress()
  const { user } = await auth.register()
  for (let count = 0; count < 8; count += 1) await failTimes(1, newEmail(), address)
  expect((await logIn(user.email, password, address)).status).toBe(429)
  expect((await logIn(user.email, password, `${newAddress()}, ${address}`)).status).toBe(200)
})

test('counts failures only, and forgets those of an account that gets in', async () => {
  const { user } = await auth.register()
  for (let count = 0; count < 10; count += 1) expect((await logIn(user.email, password)).status).toBe(200)
  await failTimes(2, user.email)
  expect((await logIn(user.email, password)).status).toBe(200)
  await failTimes(2, user.email)
  expect((await logIn(user.email, password)).status).toBe(200)
})

test('lets no more guesses through at once than are checked at a time', async () => {
  const { user } = await auth.register()
  const guesses = await Promise.all(Array.from({ length: 20 }, () => logIn(user.email, 'wrong-password')))
  const checked = guesses.filter(({ status }) => status === 401).length
  expect(checked).toBeGreaterThanOrEqual(3)
  // The limit, and the one guess more that was under way in the second of two turns.
  expect(checked).toBeLessThanOrEqual(4)
})

test('a wrong current password counts like a failed login', async () => {
  const { accessToken } = await auth.register()
  const change = { body: { password: 'another-password', currentPassword: 'wrong' }, token: accessToken }
  for (let count = 0; count < 3; count += 1) {
    expect((await auth.call('PATCH', '/v1/me', change)).status).toBe(403)
  }
  expect((await auth.call('PATCH', '/v1/me', change)).body.code).toBe('login_throttled')
})

test('the keys in Redis name nobody and expire', async () => {
  const { user } = await auth.register()
  const address = newAddress()
  await failTimes(1, user.email, address)
  const client = new Redis(auth.redisUrl)
  try {
    const keys = await client.keys('auth:login:*')
    expect(keys.length).toBeGreaterThanOrEqual(2)
    expect(keys.join(' ')).not.toContain(user.email)
    expect(keys.join(' ')).not.toContain(address)
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0)
  } finally {
    client.disconnect()
  }
})

test('with Redis down everyone still gets in, and with Redis back failures count again', async () => {
  const redis = await startRedis()
  const at = await startAuth({ database: auth.database, redisUrl: redis.url, env: limits })
  try {
    const { user } = await at.register()
    await failTimes(3, user.email, undefined, at)
    expect((await logIn(user.email, password, undefined, at)).status).toBe(429)

    await redis.stop()
    expect((await logIn(user.email, password, undefined, at)).status).toBe(200)
    expect((await logIn(user.email, 'wrong-password', undefined, at)).status).toBe(401)
    expect((await at.get('/readyz')).status).toBe(200)

    await redis.start()
    const email = newEmail()
    await waitFor(async () => (await logIn(email, 'wrong-password', undefined, at)).status === 429, {
      describe: 'the throttle works again',
    })
  } finally {
    await at.close()
    await redis.close()
  }
})

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['unknown', 'unknown'],
])('counts %s under %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
