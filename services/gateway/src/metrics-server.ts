import type { Metrics } from '@urbanbloom/service-kit/metrics'
import Fastify, { type FastifyInstance } from 'fastify'

/** `/metrics` on a port of its own, which no client reaches. It does not listen yet. */
export function createMetricsServer(metrics: Metrics): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true })
  app.get('/metrics', async (request, reply) => {
    const { type, text } = await metrics.expose(request.headers.accept)
    return reply.type(type).send(text)
  })
  return app
}
