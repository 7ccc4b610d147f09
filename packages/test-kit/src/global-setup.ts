import { migrateDatabase } from '@urbanbloom/database/migrate'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import type { TestProject } from 'vitest/node'
import { sweepKilledRuns } from './native-servers.ts'
import { rolePasswords } from './role-passwords.ts'
import { chosenServers, startPostgres, startRedis } from './test-servers.ts'

const TEMPLATE = 'urbanbloom_template'

/** What the test processes get to know about the servers of this run. */
export type SharedServers = { adminUrl: string; templateDatabase: string; redisUrl: string }

declare module 'vitest' {
  interface ProvidedContext {
    sharedServers: SharedServers
  }
}

/**
 * Vitest's global setup: one Postgres with a migrated database to clone, and one Redis, for the whole run.
 * @returns the teardown, which leaves nothing behind.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if ((await chosenServers()) === 'native') await sweepKilledRuns()
  const started = await Promise.allSettled([startPostgres(), startRedis()])
  const close = async () => {
    const running = started.flatMap((server) => (server.status === 'fulfilled' ? [server.value] : []))
    await Promise.all(running.map((server) => server.close()))
  }
  const [postgres, redis] = await bothOrNeither(started, close)
  try {
    await runStatement(postgres.adminUrl, `create database ${TEMPLATE}`)
    const templateUrl = withUrlParts(postgres.adminUrl, { database: TEMPLATE })
    await migrateDatabase({ adminUrl: templateUrl, rolePasswords })
  } catch (err) {
    await close()
    throw err
  }
  project.provide('sharedServers', {
    adminUrl: postgres.adminUrl,
    templateDatabase: TEMPLATE,
    redisUrl: redis.url,
  })
  return close
}

/** Where one of the servers did not start, the other one is closed before the reason is thrown. */
async function bothOrNeither<One, Other>(
  [one, other]: [PromiseSettledResult<One>, PromiseSettledResult<Other>],
  close: () => Promise<void>,
): Promise<[One, Other]> {
  if (one.status === 'fulfilled' && other.status === 'fulfilled') return [one.value, other.value]
  await close()
  throw one.status === 'rejected' ? one.reason : (other as PromiseRejectedResult).reason
}
