import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { pathOf, toServiceError } from '@urbanbloom/service-kit/error-handler'
import { invalid, ServiceError, toProblem } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Log } from '@urbanbloom/service-kit/log'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { securityHeaders } from './answer-headers.ts'
import { identify } from './request-identity.ts'
import { URL_LIMIT_CHARACTERS } from './request-path.ts'

/** Answers whatever was thrown as a problem document. */
export function sendProblem(
  log: Log,
  error: FastifyError | ServiceError,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const known = toServiceError(error, request.routeOptions?.bodyLimit)
  // The router refuses some URLs before any hook has seen the request.
  const identity = request.identity ?? identify(request)
  if (known.status >= 500) {
    const { requestId } = identity
    log.warn({ requestId, code: known.code, detail: known.message, cause: known.cause }, 'request failed')
  }
  if (known.retryAfterSeconds !== undefined) void reply.header('retry-after', known.retryAfterSeconds)
  return reply
    .code(known.status)
    .headers({ ...securityHeaders, 'cache-control': 'no-store', 'x-request-id': identity.requestId })
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(toProblem(known, identity.requestId, pathOf(request)))
}

/** Answers what is not HTTP enough to become a request: the parser gives a socket and a reason. */
export function answerClientError(err: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
  // The client has left, or an answer has begun: a second one would be taken for a part of it.
  const answering = Reflect.get(socket, '_httpMessage')?.headersSent
  if (err.code === 'ECONNRESET' || !socket.writable || answering === true) {
    socket.destroy()
    return
  }
  const error = errorOfParser(err)
  const requestId = newId()
  const body = JSON.stringify(toProblem(error, requestId, ''))
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function errorOfParser(err: Error & { code?: string; rawPacket?: unknown }): ServiceError {
  if (err.code === 'HPE_HEADER_OVERFLOW') {
    return isLongUrl(err.rawPacket)
      ? uriTooLong()
      : new ServiceError(
          'headers_too_large',
          'headers_too_large',
          'The headers are larger than 16 KiB together',
        )
  }
  if (err.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ServiceError('too_slow', 'request_timeout', 'The request did not arrive in time')
  }
  return invalid('malformed_request', 'This is not a well-formed HTTP/1.1 request')
}

function isLongUrl(packet: unknown): boolean {
  const [firstLine = ''] = Buffer.isBuffer(packet) ? packet.toString('latin1').split('\r\n', 1) : []
  return /^[A-Z]+ \//.test(firstLine) && firstLine.length > URL_LIMIT_CHARACTERS
}

export function uriTooLong(): ServiceError {
  return new ServiceError(
    'uri_too_long',
    'uri_too_long',
    `The URL is longer than ${URL_LIMIT_CHARACTERS} characters`,
  )
}
