import { readFileSync } from 'node:fs'
import { ConfigError, readEnvironment } from '@urbanbloom/service-kit/config'
import * as z from 'zod'
import { migrateDatabase } from './migrate.ts'
import { loginRoles } from './roles.ts'

/** `AUTH_SERVICE_PASSWORD` and its like: the variable that holds a role's password. */
function passwordVariable(role: string): string {
  return `${role.toUpperCase()}_PASSWORD`
}

try {
  const passwords = Object.fromEntries(loginRoles.map((role) => [passwordVariable(role), z.string().min(12)]))
  const env = readEnvironment(process.env, {
    ADMIN_DATABASE_URL: z.url(),
    DATABASE_CA_FILE: z.string().optional(),
    ...passwords,
  }) as Record<string, string | undefined> & { ADMIN_DATABASE_URL: string }
  await migrateDatabase({
    adminUrl: env.ADMIN_DATABASE_URL,
    ca: env.DATABASE_CA_FILE === undefined ? undefined : readFileSync(env.DATABASE_CA_FILE, 'utf8'),
    rolePasswords: Object.fromEntries(loginRoles.map((role) => [role, env[passwordVariable(role)] ?? ''])),
    log: (message) => console.log(message),
  })
  console.log('The database is up to date')
} catch (err) {
  console.error(err instanceof ConfigError ? err.message : err)
  process.exitCode = 1
}
