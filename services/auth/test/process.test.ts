import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { runStatement } from '@urbanbloom/local/postgres-server'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { createTestDatabase, type TestDatabase, testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environmentFor, newEmail, password, signingKeySecret, startAuth } from './start-auth.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** The program itself, with everything that it writes. */
function startProcess(env: Record<string, string>) {
  const main = path.resolve(import.meta.dirname, '../src/main.ts')
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return { child, exited: once(child, 'exit'), output: () => output }
}

test('writes no password, token, email or address to its log, whatever happens', async () => {
  const env = {
    ...environmentFor(database, await testRedisUrl()),
    LOG_LEVEL: 'trace',
  }
  const { child, exited, output } = startProcess(env)
  try {
    const url = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0], {
      describe: 'the service listens',
    })
    const email = newEmail()
    const body = { email, password, name: 'Hortensia Unmistakable' }
    const first = await requestExpecting(201, 'POST', `${url}/v1/auth/register`, { body })
    const token = first.accessToken
    await requestExpecting(409, 'POST', `${url}/v1/auth/register`, { body })
    await requestExpecting(401, 'POST', `${url}/v1/auth/login`, {
      body: { email, password: 'a-wrong-guess' },
    })
    await requestExpecting(400, 'POST', `${url}/v1/auth/login`, { body: { email, password, extra: 1 } })
    const next = await requestExpecting(200, 'POST', `${url}/v1/auth/refresh`, {
      body: { refreshToken: first.refreshToken },
    })
    const address = {
      recipient: 'Hortensia Unmistakable',
      line1: '77 Wisteria Way',
      city: 'Atlanta',
      region: 'GA',
      postalCode: '30307',
      latitude: 33.75,
      longitude: -84.35,
    }
    await requestExpecting(201, 'POST', `${url}/v1/me/addresses`, { body: address, token })
    await requestExpecting(400, 'PATCH', `${url}/v1/me`, { body: { name: `${email}\u0000` }, token })
    await requestExpecting(401, 'POST', `${url}/v1/auth/refresh`, {
      body: { refreshToken: first.refreshToken },
    })
    await requestExpecting(401, 'GET', `${url}/v1/me?token=${first.refreshToken}`, { token })

    const ended = 'a used refresh token came again'
    await waitFor(() => output().includes(ended), { describe: 'the theft is in the log' })
    for (const secret of [
      email,
      password,
      'a-wrong-guess',
      first.accessToken,
      first.refreshToken,
      next.refreshToken,
      'Hortensia',
      'Wisteria',
      signingKeySecret,
    ]) {
      expect(output()).not.toContain(secret)
    }
    expect(output()).toContain('"route":"/v1/auth/login"')
  } finally {
    child.kill('SIGTERM')
    const [code] = await exited
    expect(code).toBe(0)
  }
})

test('a row that the database refuses is not quoted in the log', async () => {
  const own = await createTestDatabase()
  const env = environmentFor(own, await testRedisUrl())
  // A constraint that the code knows nothing of stands for a mistake of ours.
  await runStatement(
    own.adminUrl,
    `alter table auth.accounts add constraint impossible check (name <> 'Hortensia')`,
  )
  const { child, exited, output } = startProcess({ ...env, LOG_LEVEL: 'trace' })
  try {
    const url = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0], {
      describe: 'the service listens',
    })
    const email = newEmail()
    const answer = await request('POST', `${url}/v1/auth/register`, {
      body: { email, password, name: 'Hortensia' },
    })
    expect([answer.status, answer.body.code]).toEqual([500, 'internal_error'])
    await waitFor(() => output().includes('impossible'), { describe: 'the mistake is in the log' })
    expect(output()).not.toContain(email)
    expect(output()).not.toContain('Hortensia')
    expect(output()).not.toContain('argon2id')
  } finally {
    child.kill('SIGTERM')
    await exited
    await own.close()
  }
})

test('refuses to start with a configuration that cannot be used, and names every problem at once', async () => {
  const { exited, output } = startProcess({ PORT: 'x', SIGNING_KEY_SECRET: 'short' })
  const [code] = await exited
  expect(code).toBe(1)
  const lines = output().trim().split('\n')
  expect(lines).toHaveLength(1)
  const { level, service, msg, problems } = JSON.parse(lines[0] ?? '')
  expect({ level, service }).toEqual({ level: 'fatal', service: 'auth' })
  for (const name of ['PORT', 'INTERNAL_TOKEN', 'DATABASE_URL', 'REDIS_URL', 'SIGNING_KEY_SECRET']) {
    expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^${name}(:| is not set)`)))
  }
  expect(msg).toBe(`The configuration cannot be used: ${problems.join('; ')}`)
  expect(output()).not.toContain('short,')
})

test('stops at once while it waits for its migration', async () => {
  await using empty = await createTestDatabase({ migrated: false })
  const { child, exited, output } = startProcess({
    ...environmentFor(empty, await testRedisUrl()),
    LOG_LEVEL: 'info',
  })
  const url = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0], {
    describe: 'the service listens',
  })
  expect((await request('GET', `${url}/livez`)).status).toBe(200)
  expect((await request('GET', `${url}/readyz`)).status).toBe(503)
  child.kill('SIGTERM')
  expect((await exited)[0]).toBe(0)
})

test('is not ready while migrations are missing, and becomes ready without a restart', async () => {
  const empty = await createTestDatabase({ migrated: false })
  try {
    const auth = await startAuth({ database: empty })
    try {
      expect((await auth.get('/livez')).status).toBe(200)
      expect((await auth.get('/readyz')).status).toBe(503)
      await migrateDatabase({ adminUrl: empty.adminUrl, rolePasswords })
      await waitFor(async () => (await auth.get('/readyz')).status === 200, { describe: 'it is ready' })
      await auth.register()
    } finally {
      await auth.close()
    }
  } finally {
    await empty.close()
  }
})
