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

/** The client's own request id and trace where they are well formed, else new ones. */
export function identify(request: FastifyRequest): Identity {
  const { 'x-request-id': id, traceparent: given } = request.headers
  const parent = decideSampling(traceparentFrom(typeof given === 'string' ? given : undefined))
  const span = startSpan(() => `${request.method} ${request.routeOptions.url ?? 'unmatched'}`, 'server', {
    parent,
  })
  return {
    requestId: typeof id === 'string' && wellFormedId.test(id) ? id : newId(),
    traceparent: span?.traceparent ?? parent,
    span,
  }
}
