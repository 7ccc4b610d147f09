import path from 'node:path'
import { createAuthenticator } from '@urbanbloom/service-kit/auth'
import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { UPLOAD_LIMIT_BYTES } from '@urbanbloom/service-kit/binary-body'
import { createDb } from '@urbanbloom/service-kit/db'
import { deliverEvents, forgetOldEvents } from '@urbanbloom/service-kit/events'
import { createPeer, type Peer } from '@urbanbloom/service-kit/http-client'
import { createJobs } from '@urbanbloom/service-kit/jobs'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { openObjectStore } from '@urbanbloom/service-kit/open-object-store'
import { createReadiness } from '@urbanbloom/service-kit/readiness'
import { recurring } from '@urbanbloom/service-kit/recurring'
import { type App, createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import { forgetOldKeys } from './answer-store.ts'
import { registerCheckoutRoutes } from './checkout-routes.ts'
import { registerClaimPhotoRoutes } from './claim-photo-routes.ts'
import { forgetOldClaimPhotos } from './claim-photos.ts'
import { registerClaimDecisions, registerClaimRoutes, registerOwnClaims } from './claim-routes.ts'
import type { Config } from './config.ts'
import type { OrderContext } from './context.ts'
import { orderTasks, receiveOrderEvents } from './order-events.ts'
import { createOrderMetrics, measureSaga } from './order-metrics.ts'
import { registerOrderActions, registerOrderRoutes } from './order-routes.ts'
import { createParticipants } from './participants.ts'
import { recoverOrders } from './recover-orders.ts'

const HOUR_MS = 3_600_000

export type OrderService = Service & { app: App; ctx: OrderContext }

/** Builds the service. Nothing listens and no job runs before `start`; `close` undoes in the reverse order. */
export async function createOrderService(config: Config): Promise<OrderService> {
  const resources = new AsyncDisposableStack()
  const log = createLog('order', config.http.logLevel)
  resources.defer(await startTracing('order', config.http.tracing))
  const metrics = createMetrics('order')
  const db = createDb(config.database, { log, metrics })
  resources.defer(() => db.close())
  const objects = await openObjectStore(config.objects, { maxBytes: UPLOAD_LIMIT_BYTES })
  resources.defer(() => objects.close())
  const jobs = createJobs({
    schema: 'orders_jobs',
    db,
    timeoutMs: config.database.jobTimeoutMs,
    log,
    metrics,
  })
  const peer = (name: string, baseUrl: string) => {
    const client = createPeer({ name, baseUrl, internalToken: config.http.internalToken })
    resources.defer(() => client.close())
    return client
  }
  const inventory = peer('inventory', config.inventoryUrl)
  const deliveryRouting = peer('delivery-routing', config.deliveryRoutingUrl)
  const payment = peer('payment', config.paymentUrl)
  const orderMetrics = createOrderMetrics(metrics)
  measureSaga(db, metrics)
  const ctx: OrderContext = {
    config,
    db,
    objects,
    jobs,
    log,
    metrics: orderMetrics,
    participants: orderMetrics.observeSteps(createParticipants({ inventory, deliveryRouting, payment })),
    crashPoint: (step) => {
      if (step === config.crashAt) process.kill(process.pid, 'SIGKILL')
    },
  }

  const readiness = createReadiness({
    db,
    migrationsDirectory: path.resolve(import.meta.dirname, '../migrations'),
  })
  const app = createServer({
    name: 'order',
    config: config.http,
    log,
    metrics,
    ready: () => readiness.check(),
  })
  void app.register(async (routes: App) => registerAll(routes, ctx))

  return {
    log,
    app,
    ctx,
    async start() {
      await app.listen({ port: config.http.port, host: config.http.host })
      resources.defer(() => app.close())
      const begin = (work: AsyncDisposableStack) => beginWork(ctx, deliveryRouting, work)
      resources.defer(beginWhenMigrated({ isMigrated: () => readiness.check(), log, begin }))
      resources.defer(() => app.drain())
    },
    close: () => resources.disposeAsync(),
  }
}

function registerAll(routes: App, ctx: OrderContext): void {
  const auth = createAuthenticator({ authUrl: ctx.config.authUrl })
  registerCheckoutRoutes(routes, ctx, auth)
  registerOrderRoutes(routes, ctx, auth)
  registerOrderActions(routes, ctx, auth)
  registerClaimRoutes(routes, ctx, auth)
  registerClaimDecisions(routes, ctx, auth)
  registerOwnClaims(routes, ctx, auth)
  registerClaimPhotoRoutes(routes, ctx, auth)
  receiveOrderEvents(routes, ctx)
}

function beginWork(ctx: OrderContext, deliveryRouting: Peer, work: AsyncDisposableStack): void {
  const { config, db, jobs, log } = ctx
  jobs.start({ ...deliverEvents({ 'delivery-routing': deliveryRouting }), ...orderTasks(ctx) })
  work.defer(() => jobs.stop())
  work.defer(recurring('recover_orders', config.recoveryIntervalMs, () => recoverOrders(ctx), log))
  work.defer(recurring('forget_old_events', HOUR_MS, () => forgetOldEvents(db), log))
  work.defer(recurring('forget_old_claim_photos', HOUR_MS, () => forgetOldClaimPhotos(ctx), log))
  work.defer(recurring('forget_old_keys', HOUR_MS, () => forgetOldKeys(db), log))
}
