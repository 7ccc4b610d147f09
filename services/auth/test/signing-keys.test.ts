import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { createTestDatabase, type TestDatabase } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deleteExpired } from '../src/housekeeping.ts'
import { rotateSigningKeys } from '../src/key-rotation.ts'
import { type AuthUnderTest, environmentFor, openDb, signingKeySecret, startAuth } from './start-auth.ts'

let database: TestDatabase
let running: AuthUnderTest[]

beforeEach(async () => {
  database = await createTestDatabase()
  running = []
})
afterEach(async () => {
  for (const auth of running) await auth.close()
  await database.close()
})

async function start(env: Record<string, string> = {}): Promise<AuthUnderTest> {
  const auth = await startAuth({ database, env: { SIGNING_KEY_CHECK_MS: '100', ...env } })
  running.push(auth)
  return auth
}

const published = async (auth: AuthUnderTest): Promise<string[]> =>
  (await auth.get('/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)

const states = async (auth: AuthUnderTest) =>
  auth.db.query<{ kid: string; state: string; hasPrivate: boolean }>(
    `select kid, state, private_key is not null as "hasPrivate" from signing_keys order by created_at, state`,
  )

/** As every other service does it: with the published keys alone. */
const verifyAsOthers = (auth: AuthUnderTest, token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL('/.well-known/jwks.json', auth.url)), {
    issuer: 'urbanbloom',
    audience: 'urbanbloom-api',
  })

function runRotateKeys(env: Record<string, string> = {}) {
  const script = path.resolve(import.meta.dirname, '../src/rotate-keys.ts')
  return promisify(execFile)(process.execPath, [script], {
    env: { ...environmentFor(database, 'redis://unused'), ...env },
    timeout: 20_000,
  })
}

test('publishes the active and the next key, public parts only, to be cached', async () => {
  const auth = await start()
  const answer = await auth.get('/.well-known/jwks.json')
  expect(answer.status).toBe(200)
  expect(answer.headers['cache-control']).toContain('max-age=300')
  expect(answer.body.keys).toHaveLength(2)
  for (const key of answer.body.keys) {
    expect(key).toMatchObject({
      kty: 'OKP',
      crv: 'Ed25519',
      alg: 'EdDSA',
      use: 'sig',
      kid: expect.any(String),
    })
    expect(key).not.toHaveProperty('d')
  }
})

test('processes that start together on an empty table make one active key and one next', async () => {
  const [one, two, three] = await Promise.all([start(), start(), start()])
  const [first, ...others] = await Promise.all([one, two, three].map(published))
  expect(first).toHaveLength(2)
  expect(others).toEqual([first, first])
  expect((await states(one)).map(({ state }) => state).toSorted()).toEqual(['active', 'next'])
  const { accessToken } = await one.register()
  expect((await two.get('/v1/me', accessToken)).status).toBe(200)
})

test('keeps the private keys sealed: the database alone signs nothing', async () => {
  const auth = await start()
  await auth.get('/readyz')
  const rows = await auth.db.query<{ key: Buffer }>('select private_key as key from signing_keys')
  expect(rows).toHaveLength(2)
  for (const { key } of rows) expect(key.toString('latin1')).not.toMatch(/"d"|OKP|PRIVATE/)

  const other = await start({ SIGNING_KEY_SECRET: 'another-secret-of-the-tests-0123456789' })
  const ready = await other.get('/readyz')
  expect(ready.status).toBe(503)
  expect(ready.body.reason).toContain('SIGNING_KEY_SECRET')
})

test('the command lets the next key take over; older tokens stay good and other processes follow', async () => {
  const [one, two] = [await start(), await start()]
  const { accessToken: oldToken } = await one.register()
  const [before] = (await states(one)).filter(({ state }) => state === 'active')
  const [next] = (await states(one)).filter(({ state }) => state === 'next')

  const { stdout } = await runRotateKeys()
  expect(stdout).toBe(`The key ${next?.kid} signs now\n`)
  for (const auth of [one, two]) {
    const token = await waitFor(
      async () => {
        const { accessToken } = await auth.register()
        return decodeProtectedHeader(accessToken).kid === next?.kid && accessToken
      },
      { describe: 'the process signs with the new key' },
    )
    await verifyAsOthers(auth, token)
    await verifyAsOthers(auth, oldToken)
    expect((await auth.get('/v1/me', oldToken)).status).toBe(200)
    expect(await published(auth)).toHaveLength(3)
  }
  const retired = (await states(one)).filter(({ state }) => state === 'retired')
  expect(retired).toEqual([{ kid: before?.kid, state: 'retired', hasPrivate: false }])
})

test('a process verifies a token of a key that it has not seen yet', async () => {
  const [one, two] = [
    await start({ SIGNING_KEY_CHECK_MS: '3600000' }),
    await start({ SIGNING_KEY_CHECK_MS: '3600000' }),
  ]
  await one.register()
  await two.register()
  // Two rotations: the key that signs now was not even published when `two` loaded its keys.
  await rotateSigningKeys(one.db, { secret: signingKeySecret, ageMs: 0 })
  await rotateSigningKeys(one.db, { secret: signingKeySecret, ageMs: 0 })
  const three = await start()
  const { accessToken } = await three.register()
  const status = await waitFor(
    async () => {
      const answer = await two.get('/v1/me', accessToken)
      return answer.status === 200 && answer.status
    },
    { describe: 'the unknown key is looked up' },
  )
  expect(status).toBe(200)
})

test('rotates by itself when the key is old enough, once however many processes look', async () => {
  const [one] = await Promise.all([start(), start(), start()])
  const before = await published(one)
  await one.db.query(
    `update signing_keys set activated_at = now() - interval '31 days' where state = 'active'`,
  )
  await waitFor(async () => (await published(one)).length === 3, { describe: 'the key was rotated' })
  const after = await states(one)
  expect(after.filter(({ state }) => state === 'active').map(({ kid }) => before.includes(kid))).toEqual([
    true,
  ])
  expect(after.map(({ state }) => state).toSorted()).toEqual(['active', 'next', 'retired'])
})

test('of many rotations at the same moment one happens', async () => {
  const db = openDb(database)
  try {
    const secret = signingKeySecret
    await rotateSigningKeys(db, { secret, ageMs: 3_600_000 })
    await db.query(`update signing_keys set activated_at = now() - interval '2 hours' where state = 'active'`)
    const promoted = await Promise.all(
      Array.from({ length: 8 }, () => rotateSigningKeys(db, { secret, ageMs: 3_600_000 })),
    )
    expect(promoted.filter((kid) => kid !== null)).toHaveLength(1)
  } finally {
    await db.close()
  }
})

test('forgets a retired key once every token that it signed has expired, not before', async () => {
  const auth = await start()
  const { accessToken } = await auth.register()
  await rotateSigningKeys(auth.db, { secret: signingKeySecret, ageMs: 0 })
  const age = (interval: string) =>
    auth.db.query(`update signing_keys set retired_at = now() - $1::interval where state = 'retired'`, [
      interval,
    ])
  await age('16 minutes')
  await deleteExpired(auth.db, 900)
  await verifyAsOthers(auth, accessToken)
  await age('2 hours')
  await deleteExpired(auth.db, 900)
  expect((await states(auth)).map(({ state }) => state).toSorted()).toEqual(['active', 'next'])
  await waitFor(async () => (await published(auth)).length === 2, { describe: 'it is published no more' })
})

test('the command names every variable that is missing', async () => {
  const failed = await runRotateKeys({ SIGNING_KEY_SECRET: '', DATABASE_URL: '' }).catch((err) => err)
  expect(failed.code).toBe(1)
  expect(failed.stderr).toContain('SIGNING_KEY_SECRET is not set')
  expect(failed.stderr).toContain('DATABASE_URL is not set')
})
