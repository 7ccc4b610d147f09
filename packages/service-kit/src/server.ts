import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import swagger from '@fastify/swagger'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { HttpConfig } from './config.ts'
import { registerDrain } from './drain.ts'
import { BODY_LIMIT_BYTES, pathOf, sendError } from './error-handler.ts'
import { notFound } from './errors.ts'
import { newId } from './ids.ts'
import { requireInternalToken } from './internal-token.ts'
import { acceptJson } from './json-body.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { openapiOptions } from './openapi.ts'
import { type RequestContext, runInContext, traceIdOf, traceparentFrom } from './request-context.ts'
import { endHttpSpan, type Span, startSpan } from './tracing.ts'

const DEFAULT_DEADLINE_MS = 10_000
const MAX_DEADLINE_MS = 60_000

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, Log, ZodTypeProvider>

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `createServer` before anything else sees the request. */
    context: RequestContext
    /** Undefined where the trace is not recorded. */
    span: Span | undefined
  }
}

type ServerOptions = {
  name: string
  config: Omit<HttpConfig, 'tracing'>
  log: Log
  metrics: Metrics
  /** Resolves when the process may take traffic; rejects with the reason when not. */
  ready: () => Promise<void>
  /** How old a connection becomes before an answer ends it; 30 s unless given. */
  connectionAgeMs?: number
}

/**
 * A Fastify instance with what every service has: request ids and `traceparent`, deadlines, problem documents,
 * zod validation, one log line and one metric for each request, the guard of `/internal`, probes, and
 * `/openapi.json`.
 */
export function createServer(options: ServerOptions): App {
  const app: App = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId(),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    // While a process drains, what still arrives is served; readiness has told the others to go elsewhere.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    // The router refuses some URLs, such as too long an id, before any hook has seen the request.
    frameworkErrors: (error, request, reply) => {
      request.context = contextOf(request)
      void reply.header('x-request-id', request.context.requestId)
      void sendError(options.log, error, request, reply)
    },
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  acceptJson(app)

  app.decorateRequest('context', null as unknown as RequestContext)
  app.decorateRequest('span', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    request.context = contextOf(request)
    request.span = startSpan(() => spanName(request), 'server', { parent: request.context.traceparent })
    // What the request causes hangs below its span.
    if (request.span !== undefined) request.context.traceparent = request.span.traceparent
    void reply.header('x-request-id', request.context.requestId)
    runInContext(request.context, done)
  })
  // Reading a body leaves the asynchronous context of the first hook, so it is entered again.
  app.addHook('preValidation', (request, _reply, done) => runInContext(request.context, done))
  app.addHook('onResponse', (request, reply, done) => {
    record(options, request, reply)
    done()
  })
  const isStopping = registerDrain(app, {
    delayMs: options.config.drainDelayMs,
    ...(options.connectionAgeMs !== undefined && { connectionAgeMs: options.connectionAgeMs }),
  })
  app.addHook('onRequest', requireInternalToken(options.config.internalToken))
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(options.log, error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendError(
      options.log,
      notFound('route_not_found', `There is no ${request.method} ${pathOf(request)}`),
      request,
      reply,
    ),
  )
  void app.register(swagger, openapiOptions(`UrbanBloom ${options.name}`))
  registerProbes(app, {
    ...options,
    ready: async () => {
      if (isStopping()) throw new Error('the process is stopping')
      await options.ready()
    },
  })
  return app
}

function contextOf(request: FastifyRequest): RequestContext {
  const given = request.headers['x-request-id']
  const budget = Number(request.headers['x-request-timeout-ms'] ?? DEFAULT_DEADLINE_MS)
  const budgetMs =
    Number.isFinite(budget) && budget > 0 ? Math.min(budget, MAX_DEADLINE_MS) : DEFAULT_DEADLINE_MS
  return {
    requestId: typeof given === 'string' && /^[\w.:-]{8,100}$/.test(given) ? given : request.id,
    traceparent: traceparentFrom(request.headers.traceparent as string | undefined),
    deadlineAt: performance.now() + budgetMs,
  }
}

function record(options: ServerOptions, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'unmatched'
  const { method } = request
  const { requestId, traceparent } = request.context
  const traceId = traceIdOf(traceparent)
  const seconds = reply.elapsedTime / 1000
  endRequestSpan(request, reply.statusCode)
  options.metrics.observeRequest({ method, route, status: reply.statusCode, seconds, traceId })
  if (route === '/livez' || route === '/readyz' || route === '/metrics') return
  options.log.info(
    {
      requestId,
      traceId,
      method,
      route,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
    },
    'request',
  )
}

function spanName({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url ?? 'unmatched'}`
}

function endRequestSpan({ method, routeOptions, span }: FastifyRequest, status: number): void {
  const route = routeOptions.url ?? 'unmatched'
  endHttpSpan(span, status, { 'http.request.method': method, 'http.route': route })
}

function registerProbes(app: App, options: ServerOptions): void {
  app.get('/livez', { schema: { hide: true } }, () => ({ status: 'ok' }))
  let lastReason: string | undefined
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    try {
      await options.ready()
      if (lastReason !== undefined) options.log.info('ready again')
      lastReason = undefined
      return { status: 'ready' }
    } catch (err) {
      const reason = reasonOf(err)
      // Kubernetes shows the status of a failed probe but not its answer, so the log has to say why; once, not every probe.
      if (reason !== lastReason) options.log.warn({ reason }, 'not ready')
      lastReason = reason
      return reply.code(503).send({ status: 'not ready', reason })
    }
  })
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    const { type, text } = await options.metrics.expose(request.headers.accept)
    return reply.type(type).send(text)
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

/** With the cause, because "the database does not answer" has several, such as a wrong password. */
function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  const { message, cause } = err
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
