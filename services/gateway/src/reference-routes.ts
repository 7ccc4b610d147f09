import apiReference from '@scalar/fastify-api-reference'
import type { Log } from '@urbanbloom/service-kit/log'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createOpenApi } from './openapi.ts'
import type { UpstreamName } from './routing-table.ts'
import type { Upstream } from './upstream.ts'

type Options = {
  upstreams: Readonly<Record<UpstreamName, Upstream>>
  log: Log
  limitRate: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

/** The page runs its own script and styles and talks to this origin alone; the browser refuses everything else. */
const pageSecurity = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `/openapi.json` and its reference pages, which are served whole from here. */
export async function referenceRoutes(app: FastifyInstance, options: Options): Promise<void> {
  const openApi = createOpenApi(options)
  app.get('/openapi.json', { onRequest: options.limitRate }, async (request, reply) => {
    const { text, etag } = await openApi.document()
    void reply.headers({ etag, 'cache-control': 'public, max-age=60' })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('application/json; charset=utf-8').send(text)
  })
  await app.register(apiReference, {
    routePrefix: '/docs',
    hooks: {
      onRequest: (_request, reply, done) => {
        void reply.headers({
          'content-security-policy': pageSecurity,
          'cache-control': 'public, max-age=3600',
        })
        done()
      },
    },
    configuration: {
      pageTitle: 'UrbanBloom API',
      url: '/openapi.json',
      cdn: '/docs/js/scalar.js',
      // Everything below would load from, or report to, somebody else's servers.
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  })
}
