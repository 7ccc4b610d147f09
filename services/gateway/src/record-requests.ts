import type { Log } from '@urbanbloom/service-kit/log'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { traceIdOf } from '@urbanbloom/service-kit/request-context'
import { endHttpSpan } from '@urbanbloom/service-kit/tracing'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isProbe } from './request-identity.ts'
import type { StatusMonitor } from './status-monitor.ts'

/** What nginx logs, too, where the client did not wait for the answer. */
const CLIENT_LEFT = 499

type Sinks = { log: Log; metrics: Metrics; monitor: StatusMonitor }

/** One metric and one log line for each request, when its answer is out or its client gone. */
export function recordRequests(app: FastifyInstance, sinks: Sinks): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => record(sinks, request, reply))
    done()
  })
}

function record({ log, metrics, monitor }: Sinks, request: FastifyRequest, reply: FastifyReply): void {
  // The pattern, never the URL: the values of a label have to stay few.
  const route = request.routeOptions.url ?? 'unmatched'
  const status = reply.raw.writableFinished ? reply.raw.statusCode : CLIENT_LEFT
  const { method } = request
  const { elapsedTime } = reply
  const { requestId, traceparent, span } = request.identity
  const traceId = traceIdOf(traceparent)
  metrics.observeRequest({ method, route, status, seconds: elapsedTime / 1000, traceId })
  monitor.record(route, status)
  endHttpSpan(span, status, { 'http.request.method': method, 'http.route': route })
  if (isProbe(route)) return
  log.info(
    {
      requestId,
      traceId,
      method,
      route,
      upstream: request.routeOptions.config.route?.upstream,
      status,
      durationMs: Math.round(elapsedTime * 10) / 10,
    },
    'request',
  )
}
