import path from 'node:path'
import { createAuthenticator } from '@urbanbloom/service-kit/auth'
import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { UPLOAD_LIMIT_BYTES } from '@urbanbloom/service-kit/binary-body'
import { createDb } from '@urbanbloom/service-kit/db'
import { deliverEvents, forgetOldEvents, receiveEvents } from '@urbanbloom/service-kit/events'
import { createPeer } from '@urbanbloom/service-kit/http-client'
import { createJobs } from '@urbanbloom/service-kit/jobs'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import type { ObjectStore } from '@urbanbloom/service-kit/object-store'
import { openObjectStore } from '@urbanbloom/service-kit/open-object-store'
import { createReadiness } from '@urbanbloom/service-kit/readiness'
import { recurring } from '@urbanbloom/service-kit/recurring'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { type App, createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { confirmDelivery } from './deliveries/confirm-delivery.ts'
import { decideByDefault } from './deliveries/decide-by-default.ts'
import { registerDeliveryRoutes } from './deliveries/delivery-routes.ts'
import { registerDispatchDeliveryRoutes } from './deliveries/dispatch-delivery-routes.ts'
import { sweepExpiredHolds } from './deliveries/sweep-expired-holds.ts'
import { measureDay } from './delivery-metrics.ts'
import { registerRouteControl, registerRouteSurgery } from './dispatch/manual-control-routes.ts'
import { registerPlanRoutes } from './dispatch/plan-routes.ts'
import { RETIME_ROUTE, retimeRoute } from './dispatch/retime-route.ts'
import { registerStopControl } from './dispatch/stop-control-routes.ts'
import { registerDriverRouteRoutes } from './driver/driver-route-routes.ts'
import { forgetOldReports } from './driver/forget-old-reports.ts'
import { registerRefusedReportRoutes } from './driver/refused-report-routes.ts'
import { registerStopRoutes, registerSyncRoutes } from './driver/stop-routes.ts'
import { REFRESH_EVERY_MS, refreshEtas } from './eta/refresh-etas.ts'
import { learnServiceTimes } from './eta/service-time-store.ts'
import { registerDriverLocationRoutes } from './fleet/driver-location-routes.ts'
import { registerDriverRoutes } from './fleet/driver-routes.ts'
import { registerHubRoutes } from './fleet/hub-routes.ts'
import { registerShiftRoutes } from './fleet/shift-routes.ts'
import { registerVehicleRoutes } from './fleet/vehicle-routes.ts'
import { messageTasks, openMessaging, registerMessaging } from './messages/messaging.ts'
import { forgetOldMessages } from './messages/webhook-store.ts'
import { createBusinessMetrics } from './metrics.ts'
import { registerOptimizeRoutes } from './optimize/optimize-routes.ts'
import { createOptimizerPool } from './optimize/optimizer-pool.ts'
import { planDay } from './planning/plan-day.ts'
import { forgetOldSnapshots } from './planning/plan-results.ts'
import { PLAN_DAY, requeueLostPlans } from './planning/request-plan.ts'
import { createSolver } from './planning/solver.ts'
import { watchDrivers } from './planning/watch-drivers.ts'
import { keepTrackPartitions } from './positions/track-store.ts'
import { registerHandoverRoutes } from './proofs/handover-routes.ts'
import { registerProofFileRoutes } from './proofs/proof-file-routes.ts'
import { forgetOldProofFiles } from './proofs/proof-files.ts'
import { measurePublicCertificate } from './public-certificate-metrics.ts'
import { createFeed } from './stream/feed.ts'
import { forgetOldRouteEvents } from './stream/route-events.ts'
import { createSseConnections } from './stream/sse.ts'
import { registerTrackingEventRoutes } from './tracking/tracking-event-routes.ts'
import { registerTrackingRoutes } from './tracking/tracking-routes.ts'
import { createTravelTimes } from './travel/create-travel-times.ts'
import { registerWindowRoutes } from './windows/window-routes.ts'

const HOUR_MS = 3_600_000

export type Overrides = Partial<Pick<Context, 'now' | 'travelTimes' | 'solver'>>

/**
 * Builds the service. Nothing listens and no job runs before `start`; `close` undoes in the reverse order. The
 * port is the one that it listens on, which matters where the configuration says 0.
 */
export async function createDeliveryRoutingService(
  config: Config,
  overrides: Overrides = {},
): Promise<Service & { ctx: Context; app: App }> {
  const resources = new AsyncDisposableStack()
  resources.defer(await startTracing('delivery-routing', config.http.tracing))
  const objects = await openObjectStore(config.objects, { maxBytes: UPLOAD_LIMIT_BYTES })
  resources.defer(() => objects.close())
  const { ctx, app, readiness } = createContext(config, { ...overrides, objects }, resources)
  void app.register(async (routes: App) => registerAll(routes, ctx))

  return {
    ctx,
    app,
    log: ctx.log,
    async start() {
      await app.listen({ port: config.http.port, host: config.http.host })
      resources.defer(() => app.close())
      // Streams never end by themselves, so they are ended before the server waits for its requests.
      resources.defer(() => ctx.sse.close())
      resources.defer(() => ctx.optimizer.finish())
      const begin = (work: AsyncDisposableStack) => beginWork(ctx, config, work)
      resources.defer(beginWhenMigrated({ isMigrated: () => readiness.check(), log: ctx.log, begin }))
      resources.defer(() => app.drain())
    },
    close: () => resources.disposeAsync(),
  }
}

function createContext(
  config: Config,
  overrides: Overrides & { objects: ObjectStore },
  resources: AsyncDisposableStack,
) {
  const log = createLog('delivery-routing', config.http.logLevel)
  const metrics = createMetrics('delivery-routing')
  const db = createDb(config.database, { log, metrics })
  resources.defer(() => db.close())
  const redis = createRedis(config.redisUrl, { log, metrics })
  resources.defer(() => redis.close())
  const feed = createFeed({ db, redis, log })
  resources.defer(() => feed.close())
  const solver = overrides.solver ?? createSolver()
  resources.defer(() => solver.close())
  const peer = (name: string, baseUrl: string) => {
    const client = createPeer({ name, baseUrl, internalToken: config.http.internalToken })
    resources.defer(() => client.close())
    return client
  }
  const business = createBusinessMetrics(metrics)
  measureDay(db, metrics)
  measurePublicCertificate(config.publicUrl, metrics)
  const travel = createTravelTimes(config.osrm, { redis, log, metrics: business })
  resources.defer(() => travel.close())
  const travelTimes = overrides.travelTimes ?? travel.times
  const optimizer = createOptimizerPool({ ...config.optimize, travelTimes, metrics })
  resources.defer(() => optimizer.close())
  const messaging = openMessaging(config)
  resources.defer(() => messaging.close())
  const ctx: Context = {
    config,
    log,
    metrics: business,
    db,
    redis,
    objects: overrides.objects,
    jobs: createJobs({
      schema: 'delivery_jobs',
      db,
      otherTasks: [PLAN_DAY],
      timeoutMs: config.database.jobTimeoutMs,
      // Plans wait for their turn in some of these places; events must not wait with them.
      concurrency: 8,
      log,
      metrics,
    }),
    auth: createAuthenticator({ authUrl: config.authUrl }),
    authPeer: peer('auth', config.authUrl),
    orderPeer: peer('order', config.orderUrl),
    inventoryPeer: peer('inventory', config.inventoryUrl),
    travelTimes,
    solver,
    optimizer,
    mailer: messaging.mailer,
    webhooks: messaging.webhooks,
    feed,
    sse: createSseConnections({ ...config.sse, metrics, log }),
    now: overrides.now ?? (() => new Date()),
  }
  const migrationsDirectory = path.resolve(import.meta.dirname, '../migrations')
  const readiness = createReadiness({ db, migrationsDirectory })
  const app = createServer({
    name: 'delivery-routing',
    config: config.http,
    log,
    metrics,
    ready: () => readiness.check(),
  })
  return { ctx, app, readiness }
}

function registerAll(app: App, ctx: Context): void {
  registerHubRoutes(app, ctx)
  registerVehicleRoutes(app, ctx)
  registerDriverRoutes(app, ctx)
  registerDriverLocationRoutes(app, ctx)
  registerShiftRoutes(app, ctx)
  registerWindowRoutes(app, ctx)
  registerDeliveryRoutes(app, ctx)
  registerPlanRoutes(app, ctx)
  registerRouteControl(app, ctx)
  registerRouteSurgery(app, ctx)
  registerStopControl(app, ctx)
  registerDispatchDeliveryRoutes(app, ctx)
  registerDriverRouteRoutes(app, ctx)
  registerStopRoutes(app, ctx)
  registerSyncRoutes(app, ctx)
  registerRefusedReportRoutes(app, ctx)
  registerProofFileRoutes(app, ctx)
  registerHandoverRoutes(app, ctx)
  registerOptimizeRoutes(app, ctx)
  registerTrackingRoutes(app, ctx)
  registerTrackingEventRoutes(app, ctx)
  registerMessaging(app, ctx)
  receiveEvents(app, ctx.db, { 'order.confirmed': (tx, order) => confirmDelivery(ctx, tx, order) })
}

/** An api process carries events, but has no task for plans, so that its event loop never works on one. */
function beginWork(ctx: Context, config: Config, work: AsyncDisposableStack): void {
  const { log, db, jobs } = ctx
  const delivery = {
    [RETIME_ROUTE]: (payload: { routeId: string }) => retimeRoute(ctx, payload),
    ...deliverEvents({ order: ctx.orderPeer, inventory: ctx.inventoryPeer }),
    ...messageTasks(ctx),
  }
  const planning = { [PLAN_DAY]: (payload: { planId: string }) => planDay(ctx, payload) }
  const plans = config.role !== 'api'
  jobs.start(plans ? { ...delivery, ...planning } : delivery)
  work.defer(() => jobs.stop())
  const repeat = (name: string, everyMs: number, run: () => Promise<unknown>) =>
    work.defer(recurring(name, everyMs, run, log))
  if (plans) repeat('requeue_lost_plans', config.sweepIntervalMs, () => requeueLostPlans(ctx))
  repeat('sweep_expired_holds', config.sweepIntervalMs, () => sweepExpiredHolds(ctx))
  repeat('decide_failed_deliveries', config.sweepIntervalMs, () => decideByDefault(ctx))
  repeat('watch_drivers', config.sweepIntervalMs, () => watchDrivers(ctx))
  repeat('forget_old_snapshots', HOUR_MS, () => forgetOldSnapshots(db))
  repeat('forget_old_events', HOUR_MS, () => forgetOldEvents(db))
  repeat('forget_old_reports', HOUR_MS, () => forgetOldReports(db))
  repeat('keep_position_tracks', HOUR_MS, () => keepTrackPartitions(ctx))
  repeat('forget_old_proof_files', HOUR_MS, () => forgetOldProofFiles(ctx))
  repeat('refresh_etas', REFRESH_EVERY_MS, () => refreshEtas(ctx))
  repeat('learn_service_times', HOUR_MS, () => learnServiceTimes(db, ctx.now()))
  repeat('forget_old_messages', HOUR_MS, () => forgetOldMessages(db))
  repeat('forget_old_route_events', HOUR_MS, () => forgetOldRouteEvents(db))
}
