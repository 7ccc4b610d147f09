import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthUnderTest, internalToken, newEmail, password, startAuth } from './start-auth.ts'

let auth: AuthUnderTest
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

const patch = (body: unknown, token?: string) => auth.call('PATCH', '/v1/me', { body, token })

const address = {
  recipient: 'Ann',
  line1: '1 Euclid Avenue',
  city: 'Atlanta',
  region: 'GA',
  postalCode: '30307',
  latitude: 33.7573,
  longitude: -84.3534,
}

test('needs an access token', async () => {
  for (const path of ['/v1/me', '/v1/me/addresses', '/v1/auth/sessions']) {
    const none = await auth.get(path)
    expect([none.status, none.body.code]).toEqual([401, 'access_token_required'])
    const bad = await auth.get(path, 'not.a.token')
    expect([bad.status, bad.body.code]).toEqual([401, 'access_token_invalid'])
  }
  const { accessToken } = await auth.register()
  const forged = `${accessToken.slice(0, -8)}AAAAAAAA`
  expect((await auth.get('/v1/me', forged)).body.code).toBe('access_token_invalid')
})

test('changes the name alone without a password', async () => {
  const { accessToken, user } = await auth.register()
  const answer = await patch({ name: 'Anna' }, accessToken)
  expect([answer.status, answer.body]).toEqual([200, { ...user, name: 'Anna' }])
})

test.each([
  ['nothing', {}, 'validation_failed'],
  ['an unknown field', { name: 'A', role: 'ops' }, 'validation_failed'],
  ['an email without the password', { email: 'new@urbanbloom.test' }, 'current_password_required'],
  ['a password without the old one', { password: 'another-password' }, 'current_password_required'],
])('refuses to change %s', async (_what, body, code) => {
  const { accessToken } = await auth.register()
  const answer = await patch(body, accessToken)
  expect([answer.status, answer.body.code]).toEqual([400, code])
})

test('changes email and password with the current one, and ends the other sessions', async () => {
  const email = newEmail()
  const { accessToken } = await auth.register(email)
  const phone = await auth.post('/v1/auth/login', { email, password })
  const wrong = await patch({ password: 'another-password', currentPassword: 'wrong' }, accessToken)
  expect([wrong.status, wrong.body.code]).toEqual([403, 'current_password_wrong'])

  const changed = newEmail()
  const body = { email: changed, password: 'another-password', currentPassword: password }
  const answer = await patch(body, accessToken)
  expect([answer.status, answer.body.email]).toEqual([200, changed])
  expect((await auth.get('/v1/me', accessToken)).status).toBe(200)
  expect((await auth.get('/v1/me', phone.body.accessToken)).status).toBe(401)
  expect((await auth.post('/v1/auth/login', { email: changed, password })).status).toBe(401)
  const login = await auth.post('/v1/auth/login', { email: changed, password: 'another-password' })
  expect(login.status).toBe(200)
})

test("refuses another person's email", async () => {
  const other = await auth.register()
  const { accessToken } = await auth.register()
  const answer = await patch({ email: other.user.email, currentPassword: password }, accessToken)
  expect([answer.status, answer.body.code]).toEqual([409, 'email_taken'])
})

test('keeps an address book in pages, the newest first', async () => {
  const { accessToken } = await auth.register()
  const full = { ...address, line2: 'Apt 2', instructions: 'Ring twice' }
  const first = await auth.post('/v1/me/addresses', full, accessToken)
  expect([first.status, first.body]).toEqual([201, { id: expect.any(String), ...full }])
  const second = await auth.post('/v1/me/addresses', address, accessToken)
  expect(second.body).toEqual({ id: second.body.id, ...address })

  const page = await auth.get('/v1/me/addresses?limit=1', accessToken)
  expect(page.body).toEqual({ items: [second.body], nextCursor: expect.any(String) })
  const rest = await auth.get(`/v1/me/addresses?limit=1&cursor=${page.body.nextCursor}`, accessToken)
  expect(rest.body).toEqual({ items: [first.body], nextCursor: null })

  const path = `/v1/me/addresses/${first.body.id}`
  expect((await auth.call('DELETE', path, { token: accessToken })).status).toBe(204)
  const again = await auth.call('DELETE', path, { token: accessToken })
  expect([again.status, again.body.code]).toEqual([404, 'address_not_found'])
})

test.each([
  ['a latitude of 91', { latitude: 91 }],
  ['a longitude that is text', { longitude: '-84' }],
  ['no city', { city: undefined }],
  ['an unknown field', { planet: 'Earth' }],
])('refuses an address with %s', async (_what, change) => {
  const { accessToken } = await auth.register()
  const answer = await auth.post('/v1/me/addresses', { ...address, ...change }, accessToken)
  expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
})

test("neither shows nor deletes another person's address", async () => {
  const owner = await auth.register()
  const { body } = await auth.post('/v1/me/addresses', address, owner.accessToken)
  const stranger = await auth.register()
  expect((await auth.get('/v1/me/addresses', stranger.accessToken)).body.items).toEqual([])
  const refused = await auth.call('DELETE', `/v1/me/addresses/${body.id}`, { token: stranger.accessToken })
  expect([refused.status, refused.body.code]).toEqual([404, 'address_not_found'])
  expect((await auth.get('/v1/me/addresses', owner.accessToken)).body.items).toHaveLength(1)
})

test('keeps 50 addresses and no more, however many come at once, and a deleted one makes room', async () => {
  const { accessToken } = await auth.register()
  const add = () => auth.post('/v1/me/addresses', address, accessToken)
  const answers = await Promise.all(Array.from({ length: 60 }, add))
  const refused = answers.filter(({ status }) => status === 409)
  expect(refused).toHaveLength(10)
  expect(refused[0]?.body.code).toBe('address_limit_reached')
  const kept = answers.find(({ status }) => status === 201)
  await auth.call('DELETE', `/v1/me/addresses/${kept?.body.id}`, { token: accessToken })
  expect((await add()).status).toBe(201)
  expect((await add()).status).toBe(409)
})

test('makes an account with a role for another service, once for each id', async () => {
  const account = { id: crypto.randomUUID(), email: newEmail(), name: 'Dan', password, role: 'driver' }
  const make = (body: object, token = internalToken) => auth.post('/internal/accounts', body, token)
  const answers = await Promise.all([make(account), make(account), make(account)])
  for (const { status, body } of answers) expect([status, body]).toEqual([200, { id: account.id }])

  const login = await auth.post('/v1/auth/login', { email: account.email, password })
  expect(login.body.user).toMatchObject({ id: account.id, role: 'driver' })
  const [, claims] = login.body.accessToken.split('.')
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    iss: 'urbanbloom',
    aud: 'urbanbloom-api',
    sub: account.id,
    role: 'driver',
  })

  const taken = await make({ ...account, id: crypto.randomUUID() })
  expect([taken.status, taken.body.code]).toEqual([409, 'email_taken'])
  const other = await make({ ...account, email: newEmail() })
  expect([other.status, other.body.code]).toEqual([409, 'account_id_taken'])
  expect((await make({ ...account, extra: 1 })).status).toBe(400)
})

test('the internal call is for our own services only', async () => {
  const body = { id: crypto.randomUUID(), email: newEmail(), name: 'Eve', password, role: 'ops' }
  const { accessToken } = await auth.register()
  for (const token of [undefined, accessToken, `${internalToken}x`]) {
    const answer = await auth.post('/internal/accounts', body, token)
    expect([answer.status, answer.body.code]).toEqual([401, 'internal_token_required'])
  }
})

test('our own services learn how people can be reached, and nobody else does', async () => {
  const known = await auth.register()
  const id = known.user.id
  const unknown = '01890a5d-ac96-774b-bcce-b302099a8057'
  const answer = await auth.post('/internal/accounts/contacts', { ids: [id, unknown] }, internalToken)
  const { email, name } = known.user
  expect(answer.body).toEqual({ contacts: [{ id, email, name }] })
  const stranger = await auth.post('/internal/accounts/contacts', { ids: [id] }, known.accessToken)
  expect(stranger.status).toBe(401)
  const many = { ids: Array.from({ length: 101 }, () => unknown) }
  expect((await auth.post('/internal/accounts/contacts', many, internalToken)).status).toBe(400)
})
