import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteExpired } from '../src/housekeeping.ts'
import { type AuthUnderTest, newEmail, password, startAuth } from './start-auth.ts'

let auth: AuthUnderTest
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

const refresh = (refreshToken: string) => auth.post('/v1/auth/refresh', { refreshToken })

function logIn(email: string, userAgent = 'test') {
  const options = { body: { email, password }, headers: { 'user-agent': userAgent } }
  return auth.call('POST', '/v1/auth/login', options)
}

async function ageToken(accessToken: string, interval: string): Promise<void> {
  const { sid } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
  await auth.db.query(
    'update refresh_tokens set expires_at = now() - $2::interval where session_id = $1::uuid',
    [sid, interval],
  )
  await auth.db.query('update sessions set expires_at = now() - $2::interval where id = $1::uuid', [
    sid,
    interval,
  ])
}

test('rotates: each refresh token works once and gives its successor', async () => {
  const first = await auth.register()
  const second = await refresh(first.refreshToken)
  expect(second.status).toBe(200)
  expect(second.body).toEqual({
    accessToken: expect.any(String),
    refreshToken: expect.any(String),
    expiresInSeconds: 900,
  })
  expect(second.body.refreshToken).not.toBe(first.refreshToken)
  expect(second.body.accessToken).not.toBe(first.accessToken)
  expect((await refresh(second.body.refreshToken)).status).toBe(200)
})

test('a token used again ends the whole family, and no other', async () => {
  const email = newEmail()
  const first = await auth.register(email)
  const other = await logIn(email)
  const second = await refresh(first.refreshToken)

  const reused = await refresh(first.refreshToken)
  expect([reused.status, reused.body.code]).toEqual([401, 'refresh_token_reused'])
  const newest = await refresh(second.body.refreshToken)
  expect([newest.status, newest.body.code]).toEqual([401, 'refresh_token_invalid'])
  const me = await auth.get('/v1/me', second.body.accessToken)
  expect([me.status, me.body.code]).toEqual([401, 'session_ended'])
  expect((await refresh(first.refreshToken)).body.code).toBe('refresh_token_reused')
  expect((await refresh(other.body.refreshToken)).status).toBe(200)
})

test('of 20 that use one token at the same time one wins, and the family ends', async () => {
  const { refreshToken, user } = await auth.register()
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)))
  const won = answers.filter(({ status }) => status === 200)
  expect(won).toHaveLength(1)
  const lost = answers.filter(({ status }) => status !== 200)
  expect(lost.map(({ status, body }) => `${status} ${body.code}`)).toEqual(
    Array(19).fill('401 refresh_token_reused'),
  )
  expect((await refresh(won[0]?.body.refreshToken)).status).toBe(401)
  const sessions = await auth.db.query(
    'select end_reason from sessions where account_id = $1 and ended_at is not null',
    [user.id],
  )
  expect(sessions).toEqual([{ end_reason: 'token_reused' }])
})

test('a logout that races with refreshes leaves no token that works', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { refreshToken, accessToken } = await auth.register()
    const [refreshed, loggedOut] = await Promise.all([
      refresh(refreshToken),
      auth.post('/v1/auth/logout', undefined, accessToken),
    ])
    expect(loggedOut.status).toBe(204)
    const newest = refreshed.status === 200 ? refreshed.body.refreshToken : refreshToken
    expect((await refresh(newest)).status).toBe(401)
  }
})

test('a refresh that waited for a logout gets nothing', async () => {
  const { refreshToken, user } = await auth.register()
  const refreshed = await auth.db.transaction(async (tx) => {
    await tx.query(
      `update sessions set ended_at = now(), end_reason = 'logout' where account_id = $1::uuid`,
      [user.id],
    )
    const answer = refresh(refreshToken)
    await waitFor(
      async () => {
        const waiting = await auth.db.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return waiting.length > 0
      },
      { describe: 'the refresh waits for the row' },
    )
    return { answer }
  })
  const { status, body } = await refreshed.answer
  expect([status, body.code]).toEqual([401, 'refresh_token_invalid'])
})

test('tells an unknown token from an expired one', async () => {
  const unknown = await refresh('not-a-token-of-ours')
  expect([unknown.status, unknown.body.code]).toEqual([401, 'refresh_token_invalid'])
  const { refreshToken, accessToken } = await auth.register()
  await ageToken(accessToken, '1 minute')
  const expired = await refresh(refreshToken)
  expect([expired.status, expired.body.code]).toEqual([401, 'refresh_token_expired'])
})

test('refuses a refresh without its token or with more than it', async () => {
  expect((await auth.post('/v1/auth/refresh', {})).status).toBe(400)
  const { refreshToken } = await auth.register()
  const answer = await auth.post('/v1/auth/refresh', { refreshToken, extra: true })
  expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
})

test('logs out by access token, again without harm, and the session is over', async () => {
  const { accessToken, refreshToken } = await auth.register()
  expect((await auth.post('/v1/auth/logout', undefined, accessToken)).status).toBe(204)
  expect((await auth.post('/v1/auth/logout', {}, accessToken)).status).toBe(204)
  expect((await refresh(refreshToken)).body.code).toBe('refresh_token_invalid')
  expect((await auth.get('/v1/me', accessToken)).body.code).toBe('session_ended')
})

test('logs out by refresh token alone; with neither it is refused', async () => {
  const { accessToken, refreshToken } = await auth.register()
  expect((await auth.post('/v1/auth/logout', { refreshToken })).status).toBe(204)
  expect((await auth.get('/v1/me', accessToken)).status).toBe(401)
  const neither = await auth.post('/v1/auth/logout')
  expect([neither.status, neither.body.code]).toEqual([401, 'access_token_required'])
})

test('lists live sessions in pages, the newest first, and marks the one that asks', async () => {
  const email = newEmail()
  const first = await auth.register(email)
  await logIn(email, 'phone')
  await logIn(email, 'x'.repeat(500))
  const gone = await logIn(email, 'gone')
  await auth.post('/v1/auth/logout', undefined, gone.body.accessToken)

  const page = await auth.get('/v1/auth/sessions?limit=2', first.accessToken)
  expect(page.status).toBe(200)
  expect(page.body.items.map(({ userAgent }: any) => userAgent)).toEqual(['x'.repeat(200), 'phone'])
  expect(page.body.items[0].current).toBe(false)
  const rest = await auth.get(`/v1/auth/sessions?limit=2&cursor=${page.body.nextCursor}`, first.accessToken)
  expect(rest.body).toMatchObject({ items: [{ current: true }], nextCursor: null })
})

test.each([
  ['limit=0', 'validation_failed'],
  ['limit=101', 'validation_failed'],
  ['cursor=nonsense', 'cursor_invalid'],
])('refuses the page %s', async (query, code) => {
  const { accessToken } = await auth.register()
  const answer = await auth.get(`/v1/auth/sessions?${query}`, accessToken)
  expect([answer.status, answer.body.code]).toEqual([400, code])
})

test("ends one of one's own sessions; another person's is not found", async () => {
  const email = newEmail()
  const mine = await auth.register(email)
  const phone = await logIn(email)
  const { body } = await auth.get('/v1/auth/sessions', phone.body.accessToken)
  const phoneId = body.items.find(({ current }: any) => current).id

  const stranger = await auth.register()
  const refused = await auth.call('DELETE', `/v1/auth/sessions/${phoneId}`, { token: stranger.accessToken })
  expect([refused.status, refused.body.code]).toEqual([404, 'session_not_found'])
  expect((await auth.get('/v1/me', phone.body.accessToken)).status).toBe(200)

  const token = mine.accessToken
  expect((await auth.call('DELETE', `/v1/auth/sessions/${phoneId}`, { token })).status).toBe(204)
  expect((await auth.get('/v1/me', phone.body.accessToken)).status).toBe(401)
  expect((await refresh(phone.body.refreshToken)).status).toBe(401)
  expect((await auth.call('DELETE', `/v1/auth/sessions/${phoneId}`, { token })).status).toBe(404)
  expect((await auth.call('DELETE', '/v1/auth/sessions/not-an-id', { token })).status).toBe(400)
})

test('housekeeping deletes what expired more than a day ago and nothing else', async () => {
  const old = await auth.register()
  const recent = await auth.register()
  const live = await auth.register()
  await ageToken(old.accessToken, '25 hours')
  await ageToken(recent.accessToken, '23 hours')
  await deleteExpired(auth.db, 900)
  const left = async (accountId: string) => {
    const [row] = await auth.db.query<{ sessions: number; tokens: number }>(
      `select count(distinct s.id) as sessions, count(t.hash) as tokens
       from sessions s left join refresh_tokens t on t.session_id = s.id where s.account_id = $1::uuid`,
      [accountId],
    )
    return row
  }
  expect(await left(old.user.id)).toEqual({ sessions: 0, tokens: 0 })
  expect(await left(recent.user.id)).toEqual({ sessions: 1, tokens: 1 })
  expect(await left(live.user.id)).toEqual({ sessions: 1, tokens: 1 })
})
