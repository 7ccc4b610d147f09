import path from 'node:path'
import { createAuthenticator } from '@urbanbloom/service-kit/auth'
import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { createDb } from '@urbanbloom/service-kit/db'
import { deliverEvents } from '@urbanbloom/service-kit/events'
import { createPeer } from '@urbanbloom/service-kit/http-client'
import { createJobs } from '@urbanbloom/service-kit/jobs'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createReadiness } from '@urbanbloom/service-kit/readiness'
import { recurring } from '@urbanbloom/service-kit/recurring'
import { type App, createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import type { Config } from './config.ts'
import type { PaymentContext } from './context.ts'
import { registerInternalRoutes } from './internal-routes.ts'
import { createReconciliation, measureMoney, observeProvider } from './money-metrics.ts'
import { registerOpsRoutes, registerRefundRoutes } from './ops-routes.ts'
import { createPaymentMetrics } from './payment-metrics.ts'
import { forgetOldProviderEvents } from './receive-webhook.ts'
import { settleDue } from './settle-due.ts'
import { createStripeProvider } from './stripe-provider.ts'
import { registerWebhookRoutes } from './webhook-routes.ts'

const HOUR_MS = 3_600_000
/** A mismatch that a deploy brought should not wait for an hour to be seen. */
const FIRST_RECONCILIATION_MS = 15_000

export type PaymentService = Service & { readonly app: App; readonly ctx: PaymentContext }

/** Builds the service. Nothing listens and no job runs before `start`; `close` undoes in the reverse order. */
export async function createPaymentService(config: Config): Promise<PaymentService> {
  const resources = new AsyncDisposableStack()
  const log = createLog('payment', config.http.logLevel)
  resources.defer(await startTracing('payment', config.http.tracing))
  const metrics = createMetrics('payment')
  const db = createDb(config.database, { log, metrics })
  resources.defer(() => db.close())
  const jobs = createJobs({
    schema: 'payments_jobs',
    db,
    timeoutMs: config.database.jobTimeoutMs,
    log,
    metrics,
  })
  const order = createPeer({
    name: 'order',
    baseUrl: config.orderUrl,
    internalToken: config.http.internalToken,
  })
  resources.defer(() => order.close())
  const ctx: PaymentContext = {
    config,
    db,
    jobs,
    log,
    metrics: createPaymentMetrics(metrics),
    provider: observeProvider(createStripeProvider(config.stripe), metrics),
  }
  measureMoney(ctx, metrics)
  const reconciliation = createReconciliation(ctx, metrics)
  const readiness = createReadiness({
    db,
    migrationsDirectory: path.resolve(import.meta.dirname, '../migrations'),
  })
  const app = createServer({
    name: 'payment',
    config: config.http,
    log,
    metrics,
    ready: () => readiness.check(),
  })
  void app.register(async (routes: App) => {
    const auth = createAuthenticator({ authUrl: config.authUrl })
    registerInternalRoutes(routes, ctx)
    registerWebhookRoutes(routes, ctx)
    registerOpsRoutes(routes, ctx, auth)
    registerRefundRoutes(routes, ctx, auth)
  })

  return {
    log,
    app,
    ctx,
    async start() {
      await app.listen({ port: config.http.port, host: config.http.host })
      resources.defer(() => app.close())
      const begin = (work: AsyncDisposableStack) => {
        jobs.start(deliverEvents({ order }))
        work.defer(() => jobs.stop())
        work.defer(recurring('settle_due', config.settle.intervalMs, () => settleDue(ctx), log))
        work.defer(recurring('forget_old_events', HOUR_MS, () => forgetOldProviderEvents(db), log))
        work.defer(recurring('reconcile', HOUR_MS, reconciliation, log, { firstMs: FIRST_RECONCILIATION_MS }))
      }
      resources.defer(beginWhenMigrated({ isMigrated: () => readiness.check(), log, begin }))
      resources.defer(() => app.drain())
    },
    close: () => resources.disposeAsync(),
  }
}
