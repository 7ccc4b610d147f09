import path from 'node:path'
import { createAuthenticator } from '@urbanbloom/service-kit/auth'
import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { createDb } from '@urbanbloom/service-kit/db'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createReadiness } from '@urbanbloom/service-kit/readiness'
import { recurring } from '@urbanbloom/service-kit/recurring'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { type App, createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import { measureAccounts } from './account-metrics.ts'
import { registerAddressRoutes } from './address-routes.ts'
import { createAuthEvents } from './auth-metrics.ts'
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { registerCredentialRoutes } from './credential-routes.ts'
import { deleteExpired } from './housekeeping.ts'
import { registerInternalRoutes } from './internal-routes.ts'
import { rotateSigningKeys } from './key-rotation.ts'
import { registerKeyRoutes } from './key-routes.ts'
import { createLoginThrottle } from './login-throttle.ts'
import { createPasswords } from './passwords.ts'
import { registerProfileRoutes } from './profile-routes.ts'
import { registerSessionRoutes } from './session-routes.ts'
import { createSigningKeys } from './signing-keys.ts'

const HOUSEKEEPING_MS = 10 * 60_000

export type AuthService = Service & { app: App }

/** Builds the service. Nothing listens and no job runs before `start`; `close` undoes in the reverse order. */
export async function createAuthService(config: Config): Promise<AuthService> {
  const resources = new AsyncDisposableStack()
  const log = createLog('auth', config.http.logLevel)
  resources.defer(await startTracing('auth', config.http.tracing))
  const metrics = createMetrics('auth')
  const db = createDb(config.database, { log, metrics })
  measureAccounts(db, metrics, config.keys.ageMs)
  resources.defer(() => db.close())
  const redis = createRedis(config.redisUrl, { log, metrics })
  resources.defer(() => redis.close())
  const keys = createSigningKeys(db, {
    secret: config.keys.secret,
    accessSeconds: config.tokens.accessSeconds,
  })
  const ctx: Context = {
    config,
    db,
    passwords: await createPasswords(config.passwords, { metrics }),
    throttle: createLoginThrottle(redis, config.throttle),
    keys,
    authenticator: createAuthenticator({ keys: keys.find }),
    events: createAuthEvents(metrics, log),
  }
  const readiness = createReadiness({
    db,
    migrationsDirectory: path.resolve(import.meta.dirname, '../migrations'),
  })
  const ready = async () => {
    await readiness.check()
    await keys.ready()
  }
  const app = createServer({ name: 'auth', config: config.http, log, metrics, ready })
  // A plugin, because the OpenAPI document holds only routes that come after its own plugin.
  void app.register(async (routes: App) => {
    registerCredentialRoutes(routes, ctx)
    registerSessionRoutes(routes, ctx)
    registerProfileRoutes(routes, ctx)
    registerAddressRoutes(routes, ctx)
    registerKeyRoutes(routes, ctx)
    registerInternalRoutes(routes, ctx)
  })

  const jobs: [name: string, everyMs: number, work: () => Promise<unknown>][] = [
    ['signing_keys', config.keys.checkMs, () => turnKeys(ctx)],
    ['delete_expired', HOUSEKEEPING_MS, () => deleteExpired(db, config.tokens.accessSeconds)],
  ]
  return {
    app,
    log,
    async start() {
      await app.listen({ port: config.http.port, host: config.http.host })
      resources.defer(() => app.close())
      const begin = (work: AsyncDisposableStack) => {
        for (const [name, everyMs, run] of jobs) work.defer(recurring(name, everyMs, run, log))
      }
      resources.defer(beginWhenMigrated({ isMigrated: () => readiness.check(), log, begin }))
      resources.defer(() => app.drain())
    },
    close: () => resources.disposeAsync(),
  }
}

/** Promotes the next key where it is due, and learns what other processes have promoted. */
async function turnKeys(ctx: Context): Promise<void> {
  const promoted = await rotateSigningKeys(ctx.db, ctx.config.keys)
  if (promoted !== null) ctx.events.keyPromoted(promoted)
  await ctx.keys.reload()
}
