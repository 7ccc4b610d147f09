import {
  ConfigError,
  databaseEnvironment,
  readCertificates,
  readEnvironment,
} from '@urbanbloom/service-kit/config'
import { createDatabaseExplainer } from '@urbanbloom/service-kit/database-failure'
import { reportStartFailure } from '@urbanbloom/service-kit/start-failure'
import * as z from 'zod'
import { migrateDatabase } from './migrate.ts'
import { loginRoles } from './roles.ts'

const ADMIN_URL = 'ADMIN_DATABASE_URL'

/** `AUTH_SERVICE_PASSWORD` and its like: the variable that holds a role's password. */
function passwordVariable(role: string): string {
  return `${role.toUpperCase()}_PASSWORD`
}

try {
  const passwords = Object.fromEntries(loginRoles.map((role) => [passwordVariable(role), z.string().min(12)]))
  const env = readEnvironment(process.env, {
    [ADMIN_URL]: databaseEnvironment.DATABASE_URL,
    DATABASE_CA_FILE: z.string().optional(),
    ...passwords,
  }) as Record<string, string | undefined> & { ADMIN_DATABASE_URL: string }
  await migrateDatabase({
    adminUrl: env.ADMIN_DATABASE_URL,
    ca: env.DATABASE_CA_FILE === undefined ? undefined : readCertificates(env.DATABASE_CA_FILE),
    rolePasswords: Object.fromEntries(loginRoles.map((role) => [role, env[passwordVariable(role)] ?? ''])),
    log: (message) => console.log(message),
  })
  console.log('The database is up to date')
} catch (err) {
  reportStartFailure('migrate', err, why(err))
  process.exitCode = 1
}

/** A sentence where a person can mend it; undefined where we were wrong. */
function why(err: unknown): string | undefined {
  if (err instanceof ConfigError || !(err instanceof Error)) return undefined
  const isToldByServer = 'code' in err || err instanceof AggregateError
  if (isToldByServer) return createDatabaseExplainer(process.env[ADMIN_URL] ?? '', ADMIN_URL)(err)
  // What we throw ourselves, such as for a migration that failed, names the file and the statement's error.
  return err.constructor === Error ? err.message : undefined
}
