import path from 'node:path'
import { createAuthenticator } from '@urbanbloom/service-kit/auth'
import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { createDb } from '@urbanbloom/service-kit/db'
import { forgetOldEvents } from '@urbanbloom/service-kit/events'
import { createPeer } from '@urbanbloom/service-kit/http-client'
import { createJobs } from '@urbanbloom/service-kit/jobs'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createReadiness } from '@urbanbloom/service-kit/readiness'
import { recurring } from '@urbanbloom/service-kit/recurring'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { type App, createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import { createCatalogPages } from './catalog-pages.ts'
import type { Config } from './config.ts'
import type { InventoryContext } from './context.ts'
import { registerInternalRoutes } from './internal-routes.ts'
import { createInventoryMetrics } from './inventory-metrics.ts'
import { registerCatalogRoutes, registerProductManagement } from './product-routes.ts'
import { createStockPageRepair, inventoryTasks } from './repair-pages.ts'
import { measureStock } from './stock-metrics.ts'
import { sweepReservations } from './sweep-reservations.ts'

const REPAIR_INTERVAL_MS = 5_000
const HOUR_MS = 3_600_000

export type InventoryService = Service & { app: App; ctx: InventoryContext }

/** Builds the service. Nothing listens and no job runs before `start`; `close` undoes in the reverse order. */
export async function createInventoryService(config: Config): Promise<InventoryService> {
  const resources = new AsyncDisposableStack()
  const log = createLog('inventory', config.http.logLevel)
  resources.defer(await startTracing('inventory', config.http.tracing))
  const kitMetrics = createMetrics('inventory')
  const metrics = createInventoryMetrics(kitMetrics)
  const db = createDb(config.database, { log, metrics: kitMetrics })
  measureStock(db, kitMetrics)
  resources.defer(() => db.close())
  const redis = createRedis(config.redisUrl, { log, metrics: kitMetrics })
  resources.defer(() => redis.close())
  const order = createPeer({
    name: 'order',
    baseUrl: config.orderUrl,
    internalToken: config.http.internalToken,
  })
  resources.defer(() => order.close())
  const { productCacheMs, listCacheMs } = config
  const pages = createCatalogPages({ db, redis, metrics, productCacheMs, listCacheMs })
  resources.defer(() => pages.settle())
  const jobs = createJobs({
    schema: 'inventory_jobs',
    db,
    timeoutMs: config.database.jobTimeoutMs,
    log,
    metrics: kitMetrics,
  })
  const ctx: InventoryContext = { config, db, jobs, log, metrics, pages, order }

  const readiness = createReadiness({
    db,
    migrationsDirectory: path.resolve(import.meta.dirname, '../migrations'),
  })
  const app = createServer({
    name: 'inventory',
    config: config.http,
    log,
    metrics: kitMetrics,
    ready: () => readiness.check(),
  })
  void app.register(async (routes: App) => {
    registerCatalogRoutes(routes, ctx)
    registerProductManagement(routes, ctx, createAuthenticator({ authUrl: config.authUrl }))
    registerInternalRoutes(routes, ctx)
  })
  resources.defer(() => app.close())

  return {
    log,
    app,
    ctx,
    async start() {
      await app.listen({ port: config.http.port, host: config.http.host })
      const begin = (work: AsyncDisposableStack) => {
        jobs.start(inventoryTasks(ctx))
        work.defer(() => jobs.stop())
        work.defer(recurring('sweep_reservations', config.sweepIntervalMs, () => sweepReservations(ctx), log))
        work.defer(recurring('repair_stock_pages', REPAIR_INTERVAL_MS, createStockPageRepair(ctx), log))
        work.defer(recurring('forget_old_events', HOUR_MS, () => forgetOldEvents(db), log))
      }
      resources.defer(beginWhenMigrated({ isMigrated: () => readiness.check(), log, begin }))
      resources.defer(() => app.drain())
    },
    close: () => resources.disposeAsync(),
  }
}
