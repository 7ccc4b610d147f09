import type { AddressInfo } from 'node:net'
import type { Service } from '@urbanbloom/service-kit/lifecycle'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics, type Metrics } from '@urbanbloom/service-kit/metrics'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { createMetricsServer } from './metrics-server.ts'
import type { UpstreamName } from './routing-table.ts'
import { createUpstream, type Upstream } from './upstream.ts'

export type Gateway = Service & {
  /** Where it listens, with the ports that the system chose for 0; only after `start`. */
  ports(): { public: number; metrics: number | undefined }
}

/** Builds the gateway. Nothing listens before `start`; `close` undoes in the reverse order. */
export async function createGateway(config: Config): Promise<Gateway> {
  const resources = new AsyncDisposableStack()
  const log = createLog('gateway', config.logLevel)
  resources.defer(await startTracing('gateway', config.tracing))
  const metrics = createMetrics('gateway')
  const redis = createRedis(config.redisUrl, { log, metrics })
  resources.defer(() => redis.close())
  const upstreams = createUpstreams(config, metrics)
  resources.defer(async () => {
    await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()))
  })
  let stopping = false
  const notReady = () => (stopping ? 'the process is stopping' : null)
  const optimizer = createOptimizerUpstream(config, upstreams)
  resources.defer(() => optimizer.close())
  const app = createApp({ config, log, metrics, redis, upstreams, optimizer, notReady })
  const metricsServer = createMetricsServer(metrics)

  return {
    log,
    closeLimitMs: config.closeLimitMs,
    ports: () => ({
      public: portOf(app.server.address()) as number,
      metrics: portOf(metricsServer.server.address()),
    }),
    async start() {
      if (config.metricsPort !== undefined) {
        await metricsServer.listen({ port: config.metricsPort, host: config.host })
        resources.defer(() => metricsServer.close())
      }
      await app.listen({ port: config.port, host: config.host })
      resources.defer(() => app.close())
      resources.defer(async () => {
        stopping = true
        await new Promise((resolve) => setTimeout(resolve, config.drainDelayMs))
      })
    },
    close: () => resources.disposeAsync(),
  }
}

function createUpstreams(config: Config, metrics: Metrics): Record<UpstreamName, Upstream> {
  const upstreams = Object.fromEntries(
    Object.entries(config.upstreams).map(([name, urls]) => [name, createUpstream(name, urls)]),
  ) as Record<UpstreamName, Upstream>
  metrics.gauge(
    'gateway_upstream_in_flight',
    'Requests and event streams under way, by service',
    ['upstream', 'pool'],
    (gauge) => {
      for (const { name, inFlight } of Object.values(upstreams)) {
        gauge.set({ upstream: name, pool: 'requests' }, inFlight.requests)
        gauge.set({ upstream: name, pool: 'streams' }, inFlight.streams)
      }
    },
  )
  return upstreams
}

/** Where routing problems go: a Deployment of its own where one is configured. */
function createOptimizerUpstream(
  { optimizerUrls }: Config,
  upstreams: Record<UpstreamName, Upstream>,
): Upstream {
  return optimizerUrls === undefined
    ? upstreams['delivery-routing']
    : createUpstream('delivery-optimizer', optimizerUrls)
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return address === null || typeof address === 'string' ? undefined : address.port
}
