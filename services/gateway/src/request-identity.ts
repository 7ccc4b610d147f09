import { newId } from '@urbanbloom/service-kit/ids'
import { traceparentFrom } from '@urbanbloom/service-kit/request-context'
import { decideSampling, type Span, startSpan } from '@urbanbloom/service-kit/tracing'
import type { FastifyRequest } from 'fastify'

/** What follows a request through every service and log line. */
export type Identity = { requestId: string; traceparent: string; span: Span | undefined }

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity
  }
}

const wellFormedId = /^[\w.:-]{8,100}$/

const probes = new Set(['/healthz', '/livez', '/readyz'])

/** What only machines ask, every few seconds: no line in the log, no trace. */
export function isProbe(route: string): boolean {
  return probes.has(route)
}

/** The client's own request id and trace where they are well formed, else new ones. */
export function identify(request: FastifyRequest): Identity {
  const { 'x-request-id': id, traceparent: given } = request.headers
  const route = request.routeOptions.url ?? 'unmatched'
  const parent = decideSampling(traceparentFrom(typeof given === 'string' ? given : undefined))
  const span = isProbe(route) ? undefined : startSpan(`${request.method} ${route}`, 'server', { parent })
  return {
    requestId: typeof id === 'string' && wellFormedId.test(id) ? id : newId(),
    traceparent: span?.traceparent ?? parent,
    span,
  }
}
