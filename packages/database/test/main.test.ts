import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { expect, test } from 'vitest'
import { loginRoles } from '../src/roles.ts'

const main = path.resolve(import.meta.dirname, '../src/main.ts')
const passwords = Object.fromEntries(
  loginRoles.map((role) => [`${role.toUpperCase()}_PASSWORD`, 'long-enough-for-a-test']),
)

/** The program as the migration Job runs it. */
async function migrate(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [main], { env: { ...passwords, ...env } })
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [errors, exitCode] = await Promise.all([text(child.stderr), code])
  // One line of JSON, whatever went wrong.
  return { exitCode, errors: errors === '' ? '' : (JSON.parse(errors).msg as string) }
}

test('what a person can mend is told in one line that names the host and the variable, never the password', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const urlWith = (change: (url: URL) => void) => {
    const url = new URL(database.adminUrl)
    url.password = 'hidden-in-the-url'
    change(url)
    return url.href
  }
  const cases: [url: string, says: RegExp][] = [
    [urlWith((url) => (url.port = '1')), /^Nothing answers at \S+:1 \(ECONNREFUSED\): .* ADMIN_DATABASE_URL/],
    [
      urlWith((url) => (url.hostname = 'db.invalid')),
      /^The host db\.invalid has no address .* ADMIN_DATABASE_URL/,
    ],
    ['redis://127.0.0.1', /ADMIN_DATABASE_URL: must be a postgres:\/\/ URL/],
  ]
  for (const [url, says] of cases) {
    const { exitCode, errors } = await migrate({ ADMIN_DATABASE_URL: url })
    expect([exitCode, errors]).toEqual([1, expect.stringMatching(says)])
    expect(errors).not.toContain('hidden-in-the-url')
    expect(errors).not.toMatch(/^ +at /m)
  }
  const ca = { ADMIN_DATABASE_URL: database.adminUrl, DATABASE_CA_FILE: '/nowhere/ca.pem' }
  expect(await migrate(ca)).toEqual({
    exitCode: 1,
    errors: expect.stringContaining('DATABASE_CA_FILE: /nowhere/ca.pem cannot be read (ENOENT)'),
  })
})

test('a role that may not migrate is told which one may', async () => {
  await using database = await createTestDatabase()
  const { exitCode, errors } = await migrate({ ADMIN_DATABASE_URL: database.urlFor('order') })
  expect(exitCode).toBe(1)
  expect(errors).toMatch(
    /does not allow order_service what it needs \(permission denied .*may create roles and schemas\.$/,
  )
})
