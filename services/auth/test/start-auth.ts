import type { AddressInfo } from 'node:net'
import { createDb, type Database } from '@urbanbloom/service-kit/db'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { type HttpAnswer, request, requestExpecting } from '@urbanbloom/test-kit/http'
import { createTestDatabase, type TestDatabase, testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { readConfig } from '../src/config.ts'
import { createAuthService } from '../src/service.ts'

export const internalToken = 'internal-token-of-the-tests-0123456789'
export const signingKeySecret = 'signing-key-secret-of-the-tests-0123456789'
export const password = 'grow-something-green'

let people = 0

/** An email that no other test of this run uses. */
export function newEmail(): string {
  people += 1
  return `person-${people}-${crypto.randomUUID().slice(0, 8)}@urbanbloom.test`
}

export function environmentFor(database: TestDatabase, redisUrl: string): Record<string, string> {
  return {
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    INTERNAL_TOKEN: internalToken,
    DATABASE_URL: database.urlFor('auth'),
    REDIS_URL: redisUrl,
    SIGNING_KEY_SECRET: signingKeySecret,
  }
}

export type AuthUnderTest = Awaited<ReturnType<typeof startAuth>>

/** The real service on a free port, over a database of its own unless one is given. */
export async function startAuth(
  options: { database?: TestDatabase; redisUrl?: string; env?: Record<string, string> } = {},
) {
  const database = options.database ?? (await createTestDatabase())
  const redisUrl = options.redisUrl ?? (await testRedisUrl())
  const env = { ...environmentFor(database, redisUrl), ...options.env }
  const service = await createAuthService(readConfig(env))
  await service.start()
  const { port } = service.app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const db = openDb(database)

  const call = (
    method: Parameters<typeof request>[0],
    path: string,
    sent?: Parameters<typeof request>[2],
  ): Promise<HttpAnswer> => request(method, `${url}${path}`, sent)

  return {
    url,
    database,
    redisUrl,
    /** The service's own database, to look at and to age rows. */
    db,
    call,
    post: (path: string, body?: unknown, token?: string) => call('POST', path, { body, token }),
    get: (path: string, token?: string) => call('GET', path, { token }),
    register: (email = newEmail()) =>
      requestExpecting(201, 'POST', `${url}/v1/auth/register`, { body: { email, password, name: 'Ann' } }),
    /** The value of one metric, labels included, or 0 where it has not been counted. */
    async metric(nameWithLabels: string): Promise<number> {
      const { body } = await request<string>('GET', `${url}/metrics`)
      const line = body
        .split('\n')
        .find((text) => text.replace(/service="auth",?|,service="auth"/, '').startsWith(`${nameWithLabels} `))
      return line === undefined ? 0 : Number(line.split(' ').at(-1))
    },
    async close(): Promise<void> {
      await service.close()
      await db.close()
      if (options.database === undefined) await database.close()
    },
  }
}

export function openDb(database: TestDatabase): Database {
  return createDb(
    { url: database.urlFor('auth'), ca: undefined, poolSize: 4 },
    { log: createLog('test', 'silent'), metrics: createMetrics('test') },
  )
}
