import { createOps, registerCustomer } from '@urbanbloom/test-kit/people'
import { nearbyAddress } from '@urbanbloom/test-kit/shop'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, expectPages, expectProblem, openApi } from './api-client.ts'

const LOGIN_FAILURES = 3
const password = 'a-long-enough-password'

let system: System
let api: Api

beforeAll(async () => {
  system = await startSystem({
    programs: ['auth', 'gateway'],
    env: { auth: { LOGIN_FAILURES_PER_ACCOUNT: String(LOGIN_FAILURES) } },
  })
  api = await openApi(system.gatewayUrl)
})
afterAll(() => system?.close())

const email = () => `${crypto.randomUUID()}@urbanbloom.test`
const nobody = () => api.as()

test('registering gives an account and tokens that the published keys sign', async () => {
  const account = { email: email(), password, name: 'Robin Fern' }
  const registered = bodyOf(201, await nobody().post('/v1/auth/register', account))
  expect(registered).toEqual({
    user: {
      id: expect.any(String),
      email: account.email,
      name: 'Robin Fern',
      role: 'customer',
      createdAt: expect.any(String),
    },
    accessToken: expect.any(String),
    refreshToken: expect.any(String),
    expiresInSeconds: expect.any(Number),
  })
  const header = JSON.parse(atob(registered.accessToken.split('.')[0]))
  expect(['EdDSA', 'ES256']).toContain(header.alg)
  const { keys } = bodyOf(200, await nobody().get('/.well-known/jwks.json'))
  expect(keys.map(({ kid }: { kid: string }) => kid)).toContain(header.kid)
  expect(bodyOf(200, await api.as({ token: registered.accessToken }).get('/v1/me'))).toEqual(registered.user)

  expectProblem(await nobody().post('/v1/auth/register', account), 409, 'email_taken')
  const refused: Record<string, unknown>[] = [
    { email: 'nonsense' },
    { password: 'short' },
    { name: '' },
    { name: 7 },
    { role: 'ops' },
  ]
  for (const change of refused) {
    const answer = await nobody().post('/v1/auth/register', { ...account, email: email(), ...change })
    expectProblem(answer, 400, 'validation_failed')
  }
})

test('a wrong password and an unknown account are refused in the same words, then throttled', async () => {
  const customer = await registerCustomer(system)
  const logIn = (as: string, secret: string) =>
    nobody().post('/v1/auth/login', { email: as, password: secret })
  const tokens = bodyOf(200, await logIn(customer.email, customer.password))
  expect(tokens).toMatchObject({ user: { id: customer.id }, expiresInSeconds: expect.any(Number) })

  const wrong = await logIn(customer.email, 'not the password')
  const unknown = await logIn(email(), 'not the password')
  expectProblem(wrong, 401, 'invalid_credentials')
  expect({ ...unknown.body, requestId: null }).toEqual({ ...wrong.body, requestId: null })
  expectProblem(
    await nobody().post('/v1/auth/login', { email: email(), password, extra: 1 }),
    400,
    'validation_failed',
  )

  for (let failures = 1; failures < LOGIN_FAILURES; failures += 1) await logIn(customer.email, 'wrong')
  const throttled = await logIn(customer.email, customer.password)
  expectProblem(throttled, 429, 'login_throttled')
  expect(Number(throttled.headers['retry-after'])).toBeGreaterThan(0)
})

test('a refresh token works once; the second time ends the whole session', async () => {
  const customer = await registerCustomer(system)
  const refresh = (refreshToken: string) => nobody().post('/v1/auth/refresh', { refreshToken })
  const second = bodyOf(200, await refresh(customer.refreshToken))
  const third = bodyOf(200, await refresh(second.refreshToken))
  expect(new Set([customer.refreshToken, second.refreshToken, third.refreshToken]).size).toBe(3)
  bodyOf(200, await api.as({ token: third.accessToken }).get('/v1/me'))

  expectProblem(await refresh(customer.refreshToken), 401, 'refresh_token_reused')
  expectProblem(await refresh(third.refreshToken), 401, 'refresh_token_invalid')
  expectProblem(await api.as({ token: third.accessToken }).get('/v1/me'), 401, 'session_ended')
  expectProblem(await refresh('nonsense'), 401, 'refresh_token_invalid')
})

test('sessions are listed, ended one by one, and by logging out', async () => {
  const customer = await registerCustomer(system)
  const credentials = { email: customer.email, password: customer.password }
  const other = bodyOf(200, await nobody().post('/v1/auth/login', credentials))
  const me = api.as(customer)
  await expectPages(me, '/v1/auth/sessions')
  const { items } = bodyOf(200, await me.get('/v1/auth/sessions'))
  expect(items.map(({ current }: { current: boolean }) => current)).toEqual([false, true])

  const stranger = api.as(await registerCustomer(system))
  const theirs = `/v1/auth/sessions/${items[0].id}`
  expectProblem(await stranger.delete(theirs), 404, 'session_not_found')
  bodyOf(204, await me.delete(theirs))
  expectProblem(
    await nobody().post('/v1/auth/refresh', { refreshToken: other.refreshToken }),
    401,
    'refresh_token_invalid',
  )
  expectProblem(await me.delete(theirs), 404, 'session_not_found')

  bodyOf(204, await me.post('/v1/auth/logout'))
  expectProblem(await me.get('/v1/me'), 401, 'session_ended')
  expectProblem(
    await nobody().post('/v1/auth/refresh', { refreshToken: customer.refreshToken }),
    401,
    'refresh_token_invalid',
  )
})

test('the profile is read and changed by its owner, whatever their role', async () => {
  const customer = await registerCustomer(system)
  const me = api.as(customer)
  expect(bodyOf(200, await me.patch('/v1/me', { name: 'Ivy' }))).toMatchObject({ name: 'Ivy' })
  expect(bodyOf(200, await me.get('/v1/me'))).toMatchObject({ name: 'Ivy', email: customer.email })
  for (const body of [{}, { name: '' }, { name: 'Ivy', role: 'ops' }]) {
    expectProblem(await me.patch('/v1/me', body), 400, 'validation_failed')
  }
  expectProblem(await me.patch('/v1/me', { password }), 400, 'current_password_required')
  const wrong = { password, currentPassword: 'not the password' }
  expectProblem(await me.patch('/v1/me', wrong), 403, 'current_password_wrong')
  bodyOf(200, await me.patch('/v1/me', { password, currentPassword: customer.password }))
  bodyOf(200, await nobody().post('/v1/auth/login', { email: customer.email, password }))

  const ops = api.as(await createOps(system))
  expect(bodyOf(200, await ops.get('/v1/me'))).toMatchObject({ role: 'ops' })
  expectProblem(
    await ops.patch('/v1/me', { email: customer.email, currentPassword: 'x' }),
    403,
    'current_password_wrong',
  )
})

test('addresses are kept for their owner', async () => {
  const me = api.as(await registerCustomer(system))
  const saved = bodyOf(201, await me.post('/v1/me/addresses', nearbyAddress))
  expect(saved).toEqual({ id: expect.any(String), ...nearbyAddress })
  const full = { ...nearbyAddress, line2: 'Apt 4', instructions: 'Ring twice' }
  expect(bodyOf(201, await me.post('/v1/me/addresses', full))).toMatchObject(full)
  await expectPages(me, '/v1/me/addresses')

  const refused = [{ latitude: 91 }, { longitude: '-84.3' }, { postalCode: undefined }, { country: 'US' }]
  for (const change of refused) {
    expectProblem(
      await me.post('/v1/me/addresses', { ...nearbyAddress, ...change }),
      400,
      'validation_failed',
    )
  }
  const stranger = api.as(await registerCustomer(system))
  expect(bodyOf(200, await stranger.get('/v1/me/addresses'))).toEqual({ items: [], nextCursor: null })
  expectProblem(await stranger.delete(`/v1/me/addresses/${saved.id}`), 404, 'address_not_found')
  bodyOf(204, await me.delete(`/v1/me/addresses/${saved.id}`))
  expectProblem(await me.delete(`/v1/me/addresses/${saved.id}`), 404, 'address_not_found')
})
