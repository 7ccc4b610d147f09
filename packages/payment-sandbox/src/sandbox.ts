import { timingSafeEqual } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { SandboxConfig } from './config.ts'
import { registerControlRoutes } from './control-routes.ts'
import { registerEventRoutes } from './event-routes.ts'
import { registerPaymentIntentRoutes } from './payment-intent-routes.ts'
import { registerRefundRoutes } from './refund-routes.ts'
import type { SandboxContext } from './sandbox-context.ts'
import { openStore } from './sandbox-store.ts'
import { startSettlements } from './settlements.ts'
import { invalidRequest, StripeFailure } from './stripe-failure.ts'
import { newStripeId } from './stripe-objects.ts'
import { createWebhooks } from './webhooks.ts'

export type Sandbox = {
  readonly app: FastifyInstance
  /** Listens and resolves to the base URL. */
  start(): Promise<string>
  close(): Promise<void>
}

const BODY_LIMIT_BYTES = 64 * 1024
const OPEN_PATHS = new Set(['/livez', '/readyz'])

/** Builds the sandbox, without listening. The state found in `config.dataDir` goes on where it stopped. */
export function createSandbox(config: SandboxConfig, options: { log?: boolean } = {}): Sandbox {
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: () => newStripeId('req'),
    logger: options.log === true ? { level: 'info', redact: ['req.headers.authorization'] } : false,
    logController: new LogController({ disableRequestLogging: true }),
  })
  const store = openStore(config.dataDir)
  const webhooks = createWebhooks(config, store, app.log)
  const ctx: SandboxContext = { config, store, webhooks, silentSockets: new Set() }
  const settlements = startSettlements(ctx)

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.addHook('onRequest', async (request, reply) => authenticate(config.apiKey, request, reply))
  app.addHook('onClose', async () => {
    settlements.close()
    await webhooks.close()
    store.close()
  })
  // Requests that are never answered, and those under way with a connection that is kept alive, would keep the
  // server from closing.
  let stopping = false
  app.addHook('onSend', async (_request, reply) => {
    if (stopping) reply.header('connection', 'close')
  })
  app.addHook('preClose', async () => {
    stopping = true
    for (const socket of ctx.silentSockets) socket.destroy()
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url}).`
    throw invalidRequest(message, {}, 404)
  })
  app.get('/livez', () => ({ status: 'ok' }))
  app.get('/readyz', () => {
    store.db.prepare('select 1').get()
    return { status: 'ok' }
  })
  registerPaymentIntentRoutes(app, ctx)
  registerRefundRoutes(app, ctx)
  registerEventRoutes(app, ctx)
  registerControlRoutes(app, ctx)

  return {
    app,
    async start() {
      const url = await app.listen({ host: config.host, port: config.port })
      settlements.wake()
      webhooks.wake()
      return url
    },
    close: () => app.close(),
  }
}

async function authenticate(apiKey: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('request-id', request.id)
  const version = request.headers['stripe-version']
  if (version !== undefined) reply.header('stripe-version', version)
  if (OPEN_PATHS.has(request.url)) return
  const given = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${apiKey}`)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw invalidRequest('Invalid API Key provided.', {}, 401)
  }
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof StripeFailure) return reply.code(error.status).send(error.body)
  const status = statusOf(error)
  if (status < 500) {
    const message = error instanceof Error ? error.message : 'The request was not understood.'
    return reply.code(status).send({ error: { type: 'invalid_request_error', message } })
  }
  request.log.error({ err: error }, 'request failed')
  return reply.code(500).send({ error: { type: 'api_error', message: `Request ${request.id} failed.` } })
}

/** Fastify's own errors say which status they stand for. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : 500
}
