import { newId } from '@urbanbloom/service-kit/ids'
import { traceparentFrom } from '@urbanbloom/service-kit/request-context'
import type { FastifyRequest } from 'fastify'

/** What follows a request through every service and log line. */
export type Identity = { requestId: string; traceparent: string }

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity
  }
}

const wellFormedId = /^[\w.:-]{8,100}$/

/** The client's own request id and trace where they are well formed, else new ones. */
export function identify(request: FastifyRequest): Identity {
  const { 'x-request-id': id, traceparent } = request.headers
  return {
    requestId: typeof id === 'string' && wellFormedId.test(id) ? id : newId(),
    traceparent: traceparentFrom(typeof traceparent === 'string' ? traceparent : undefined),
  }
}
