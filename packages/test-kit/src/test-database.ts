import { migrateDatabase } from '@urbanbloom/database/migrate'
import { serviceSchemas } from '@urbanbloom/database/roles'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { rolePasswords } from './role-passwords.ts'
import { type PostgresHandle, REDIS_DATABASES } from './server-handle.ts'

/** A database of the test's own. It may be declared with `await using`, which closes it. */
export type TestDatabase = AsyncDisposable & {
  readonly name: string
  readonly adminUrl: string
  /** The URL with which the service of this name logs in, with its own role: `auth`, `order`, … */
  readonly urlFor: (service: string) => string
  /** Drops the database, whoever is still connected. */
  close(): Promise<void>
}

/**
 * A fresh, migrated database: a clone of the run's template, or migrated anew on `postgres`, a server of the
 * test's own. `migrated: false` gives an empty one.
 */
export async function createTestDatabase(
  options: { postgres?: PostgresHandle | undefined; migrated?: boolean } = {},
): Promise<TestDatabase> {
  const { postgres, migrated = true } = options
  const shared = inject('sharedServers')
  const serverUrl = postgres?.adminUrl ?? shared.adminUrl
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const adminUrl = withUrlParts(serverUrl, { database: name })

  const template = migrated && postgres === undefined ? ` template ${shared.templateDatabase}` : ''
  await runStatement(serverUrl, `create database ${name}${template}`)
  if (migrated && postgres !== undefined) await migrateDatabase({ adminUrl, rolePasswords })

  const close = async () => {
    await runStatement(serverUrl, `drop database if exists ${name} with (force)`)
  }
  return {
    name,
    adminUrl,
    urlFor: (service) => roleUrl(adminUrl, service),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The URL of an empty logical database on the run's Redis that no other test uses at the same time. */
export async function testRedisUrl(): Promise<string> {
  const { redisUrl } = inject('sharedServers')
  const client = new Redis(redisUrl, { maxRetriesPerRequest: 1 })
  try {
    // Database 0 keeps the count. The numbers come round again only after all others were given out.
    const count = await client.incr('test-kit:databases-given')
    const number = ((count - 1) % (REDIS_DATABASES - 1)) + 1
    await client.select(number)
    await client.flushdb()
    return `${redisUrl}/${number}`
  } finally {
    client.disconnect()
  }
}

function roleUrl(adminUrl: string, service: string): string {
  const role = serviceSchemas.find((target) => target.service === service)?.role
  const password = role === undefined ? undefined : rolePasswords[role]
  if (role === undefined || password === undefined) {
    throw new Error(`The service "${service}" has no role in the database`)
  }
  return withUrlParts(adminUrl, { user: role, password })
}
