import { UPLOAD_LIMIT_BYTES } from '@urbanbloom/service-kit/binary-body'
import { BODY_LIMIT_BYTES, pathOf } from '@urbanbloom/service-kit/error-handler'
import { invalid, notFound, type ServiceError, unavailable } from '@urbanbloom/service-kit/errors'
import type { Log } from '@urbanbloom/service-kit/log'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { createCors, securityHeaders } from './answer-headers.ts'
import type { Config } from './config.ts'
import { Exchange } from './exchange.ts'
import { createLargeBodies, PROBLEM_LIMIT_BYTES } from './large-bodies.ts'
import { answerClientError, sendProblem, uriTooLong } from './problem-answers.ts'
import { createRateLimit } from './rate-limit.ts'
import { recordRequests } from './record-requests.ts'
import { referenceRoutes } from './reference-routes.ts'
import { identify } from './request-identity.ts'
import { isCanonicalPath, URL_LIMIT_CHARACTERS } from './request-path.ts'
import { type Route, routingTable, type UpstreamName } from './routing-table.ts'
import { createStatusMonitor } from './status-monitor.ts'
import { statusPage } from './status-page.ts'
import { trackingPage } from './tracking-page.ts'
import type { Upstream } from './upstream.ts'

export type GatewayContext = Readonly<{
  config: Config
  log: Log
  metrics: Metrics
  redis: RedisConnection
  upstreams: Readonly<Record<UpstreamName, Upstream>>
  optimizer: Upstream
  /** The reason why no traffic should come, or null. */
  notReady: () => string | null
}>

const proxiedMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** The public server. It does not listen yet. */
export function createApp(ctx: GatewayContext): FastifyInstance {
  const { config, log, metrics } = ctx
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request would be the dearest part of it; its one line carries the request id anyway.
    childLoggerFactory: (logger) => logger,
    genReqId: () => '',
    trustProxy:
      config.trustedProxies === 0 ? false : (_address: string, hop: number) => hop < config.trustedProxies,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: config.timeouts.arrivalMs,
    http: {
      headersTimeout: config.timeouts.arrivalMs,
      connectionsCheckingInterval: 500,
      // Node would answer without a body; `refusalOf` says what is wrong.
      requireHostHeader: false,
    },
    // Longer than a load balancer in front waits for the longest answer on a silent connection.
    keepAliveTimeout: 105_000,
    forceCloseConnections: 'idle',
    // While stopping, what still arrives is answered, with `Connection: close`.
    return503OnClosing: false,
    exposeHeadRoutes: true,
    // The reference pages live at `/docs/` and would redirect.
    rewriteUrl: ({ url = '' }) => (url === '/docs' ? '/docs/' : url),
    routerOptions: { maxParamLength: URL_LIMIT_CHARACTERS, ignoreTrailingSlash: true },
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, request, reply) => {
      void sendProblem(log, routeNotFound(request), request, reply)
    },
  }) as unknown as FastifyInstance
  keepBodiesAsTheyAre(app)
  app.decorateRequest('identity', null as never)
  receive(app, ctx)
  const monitor = createStatusMonitor(ctx.upstreams)
  recordRequests(app, { log, metrics, monitor })
  app.setErrorHandler((error: ServiceError, request, reply) => sendProblem(log, error, request, reply))
  app.setNotFoundHandler((request, reply) => sendProblem(log, routeNotFound(request), request, reply))

  const limitRate = createRateLimit(ctx.redis, config.rateLimits, countRefusals(metrics))
  const limitOther = (request: FastifyRequest, reply: FastifyReply) => limitRate(request, reply)
  void app.register(referenceRoutes, { upstreams: ctx.upstreams, log, limitRate: limitOther })
  void app.register(trackingPage, { limitRate: limitOther })
  void app.register(statusPage, { monitor, limitRate: limitOther })
  probeRoutes(app, ctx.notReady)
  proxyRoutes(app, ctx, limitRate)
  return app
}

/** Services check what they get, signatures over the raw bytes included, so nothing is parsed here. */
function keepBodiesAsTheyAre(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

function receive(app: FastifyInstance, { config, notReady }: GatewayContext): void {
  const cors = createCors(config.corsOrigins)
  app.addHook('onRequest', (request, reply, done) => {
    request.identity = identify(request)
    reply.headers({
      ...securityHeaders,
      ...cors.headers(request),
      'x-request-id': request.identity.requestId,
      // So that no connection is in use when the stop closes what is left.
      ...(notReady() !== null && { connection: 'close' }),
    })
    const refusal = refusalOf(request)
    if (refusal !== null) done(refusal)
    else if (cors.isPreflight(request)) void reply.code(204).send()
    else done()
  })
}

function refusalOf(request: FastifyRequest): ServiceError | null {
  const { host, 'transfer-encoding': coding = 'chunked' } = request.headers
  if (request.url.length > URL_LIMIT_CHARACTERS) return uriTooLong()
  if (!isCanonicalPath(pathOf(request))) return routeNotFound(request)
  if (host === undefined && request.raw.httpVersion !== '1.0') {
    return invalid('malformed_request', 'An HTTP/1.1 request must carry a Host header')
  }
  // A service would take the bytes of another coding for the body itself.
  if (coding.toLowerCase() !== 'chunked') {
    return invalid('malformed_request', 'The only Transfer-Encoding that is understood here is chunked')
  }
  return null
}

function proxyRoutes(
  app: FastifyInstance,
  ctx: GatewayContext,
  limitRate: ReturnType<typeof createRateLimit>,
): void {
  const { timeouts } = ctx.config
  const failures = ctx.metrics.counter(
    'gateway_upstream_failures_total',
    'Requests that a service gave no usable answer to',
    ['upstream', 'reason'],
  )
  const openStreams = new Set<Exchange>()
  const largeBodies = createLargeBodies()
  let closing = false
  for (const route of routingTable) {
    const upstream = route.kind === 'optimize' ? ctx.optimizer : ctx.upstreams[route.upstream]
    const options = {
      upstream,
      timeoutMs: timeoutOf(route, timeouts),
      stream: route.kind === 'stream',
      endsByItself: route.kind === 'optimize',
      onFailure: (reason: string) => failures.inc({ upstream: upstream.name, reason }),
      openStreams,
    }
    app.route({
      method: proxiedMethods,
      url: route.pattern,
      bodyLimit: bodyLimitOf(route),
      config: { route },
      onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
        await limitRate(request, reply, route)
        if (route.kind === 'optimize') largeBodies.admit(request, reply)
      },
      handler: (request, reply) => {
        if (closing && options.stream)
          throw unavailable('shutting_down', 'This process is stopping; connect again')
        new Exchange(request, reply, options).start()
      },
    })
  }
  app.addHook('preClose', (done) => {
    closing = true
    for (const exchange of openStreams) exchange.endStream()
    done()
  })
}

function timeoutOf({ kind }: Route, timeouts: Config['timeouts']): number {
  if (kind === 'checkout') return timeouts.checkoutMs
  return kind === 'optimize' ? timeouts.optimizeMs : timeouts.defaultMs
}

function bodyLimitOf({ kind, takesUploads }: Route): number {
  if (kind === 'optimize') return PROBLEM_LIMIT_BYTES
  return takesUploads ? UPLOAD_LIMIT_BYTES : BODY_LIMIT_BYTES
}

function probeRoutes(app: FastifyInstance, notReady: GatewayContext['notReady']): void {
  const alive = () => ({ status: 'ok' })
  app.get('/healthz', alive)
  app.get('/livez', alive)
  app.get('/readyz', (_request, reply) => {
    const reason = notReady()
    return reason === null ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', reason })
  })
}

function routeNotFound(request: FastifyRequest): ServiceError {
  return notFound('route_not_found', `There is no ${request.method} ${pathOf(request)}`)
}

function countRefusals(metrics: Metrics) {
  const refusals = metrics.counter('gateway_rate_limited_total', 'Requests refused with 429', ['bucket'])
  return (bucket: string) => refusals.inc({ bucket })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    route?: Route
  }
}
