import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthUnderTest, newEmail, password, startAuth } from './start-auth.ts'

let auth: AuthUnderTest
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

test('registers a customer and logs it in', async () => {
  const email = newEmail()
  const answer = await auth.post('/v1/auth/register', { email, password, name: ' Ann ' })
  expect(answer.status).toBe(201)
  expect(answer.body).toEqual({
    user: { id: expect.any(String), email, name: 'Ann', role: 'customer', createdAt: expect.any(String) },
    accessToken: expect.any(String),
    refreshToken: expect.any(String),
    expiresInSeconds: 900,
  })
  const me = await auth.get('/v1/me', answer.body.accessToken)
  expect(me.body).toEqual(answer.body.user)
})

test('takes an email for the same however it is typed', async () => {
  const email = newEmail()
  await auth.register(` ${email.toUpperCase()} `)
  const again = await auth.post('/v1/auth/register', { email, password, name: 'Bob' })
  expect([again.status, again.body.code]).toEqual([409, 'email_taken'])
  const login = await auth.post('/v1/auth/login', { email: email.toUpperCase(), password })
  expect([login.status, login.body.user.email]).toEqual([200, email])
})

test('makes one account when two people register one email at once', async () => {
  const email = newEmail()
  const body = { email, password, name: 'Ann' }
  const answers = await Promise.all(Array.from({ length: 6 }, () => auth.post('/v1/auth/register', body)))
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['201', ...Array(5).fill('409')])
})

test.each([
  ['a short password', { password: 'too-short' }, 'password'],
  ['a long password', { password: 'x'.repeat(201) }, 'password'],
  ['no email', { email: undefined }, 'email'],
  ['a malformed email', { email: 'ann@nowhere' }, 'email'],
  ['an email that is a number', { email: 5 }, 'email'],
  ['an empty name', { name: '   ' }, 'name'],
  ['a role', { role: 'ops' }, 'body'],
])('refuses to register with %s', async (_what, change, path) => {
  const body = { email: newEmail(), password, name: 'Ann', ...change }
  const answer = await auth.post('/v1/auth/register', body)
  expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
  expect(answer.body.errors[0].path).toBe(path)
})

test('refuses a name with the character that no column can hold', async () => {
  const answer = await auth.post('/v1/auth/register', { email: newEmail(), password, name: 'A\u0000' })
  expect([answer.status, answer.body.code]).toEqual([400, 'text_not_storable'])
})

test('logs in, and a password may be typed in another Unicode form', async () => {
  const email = newEmail()
  await auth.post('/v1/auth/register', { email, password: 'caf\u00e9-in-bloom', name: 'Ann' })
  const answer = await auth.post('/v1/auth/login', { email, password: 'cafe\u0301-in-bloom' })
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({ user: { email }, expiresInSeconds: 900 })
})

test('says the same, after the same work, whether or not the account exists', async () => {
  const { user } = await auth.register()
  const verified = (operation: string) =>
    auth.metric(`auth_password_hash_duration_seconds_count{operation="${operation}"}`)
  const before = { real: await verified('verify'), dummy: await verified('verify_dummy') }

  const wrong = await auth.post('/v1/auth/login', { email: user.email, password: 'wrong-password' })
  expect([await verified('verify'), await verified('verify_dummy')]).toEqual([before.real + 1, before.dummy])
  const unknown = await auth.post('/v1/auth/login', { email: newEmail(), password: 'wrong-password' })
  expect([await verified('verify'), await verified('verify_dummy')]).toEqual([
    before.real + 1,
    before.dummy + 1,
  ])

  const { requestId: _1, ...saidToOne } = wrong.body
  const { requestId: _2, ...saidToOther } = unknown.body
  expect([wrong.status, saidToOne.code]).toEqual([401, 'invalid_credentials'])
  expect([unknown.status, saidToOther]).toEqual([wrong.status, saidToOne])
})

test('keeps passwords as argon2id with the recommended parameters and tokens as hashes only', async () => {
  const { user, refreshToken } = await auth.register()
  const [account] = await auth.db.query<{ passwordHash: string }>(
    'select password_hash as "passwordHash" from accounts where id = $1',
    [user.id],
  )
  expect(account?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  const tokens = await auth.db.query<{ hash: Buffer }>(
    'select hash from refresh_tokens t join sessions s on s.id = t.session_id where s.account_id = $1',
    [user.id],
  )
  expect(tokens).toHaveLength(1)
  expect(tokens[0]?.hash.includes(Buffer.from(refreshToken, 'base64url'))).toBe(false)
})

test('refuses early, with the time to come back, when too many passwords wait', async () => {
  const small = await startAuth({
    database: auth.database,
    env: { HASH_CONCURRENCY: '1', HASH_QUEUE_LIMIT: '2' },
  })
  try {
    const body = { email: newEmail(), password }
    const answers = await Promise.all(Array.from({ length: 12 }, () => small.post('/v1/auth/login', body)))
    const refused = answers.filter(({ status }) => status === 503)
    expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(3)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.body.code).toBe('overloaded')
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0)
  } finally {
    await small.close()
  }
})

test('describes every public route, and no internal one', async () => {
  const { body: document } = await auth.get('/openapi.json')
  expect(document.openapi).toBe('3.1.0')
  expect(Object.keys(document.paths).toSorted()).toEqual([
    '/.well-known/jwks.json',
    '/v1/auth/login',
    '/v1/auth/logout',
    '/v1/auth/refresh',
    '/v1/auth/register',
    '/v1/auth/sessions',
    '/v1/auth/sessions/{id}',
    '/v1/me',
    '/v1/me/addresses',
    '/v1/me/addresses/{id}',
  ])
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path as object))) {
    expect(operation).toMatchObject({ summary: expect.any(String), tags: [expect.any(String)] })
  }
  const schemas = Object.keys(document.components.schemas)
  expect(schemas.toSorted()).toEqual(['Address', 'LoggedIn', 'Problem', 'SavedAddress', 'Session', 'User'])
})
