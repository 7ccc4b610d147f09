import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isDatabaseAway } from './db.ts'
import { invalid, kindOfStatus, ServiceError, toProblem, unavailable } from './errors.ts'
import type { Log } from './log.ts'

export const BODY_LIMIT_BYTES = 256 * 1024

/** Answers with the problem document of whatever was thrown; what is our fault is logged with its cause. */
export function sendError(
  log: Log,
  error: FastifyError | ServiceError,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const known = toServiceError(error, request.routeOptions?.bodyLimit)
  const { requestId } = request.context ?? { requestId: request.id }
  if (known.status >= 500) {
    // That the database is away is told once, by who asks it; the line of the request has the 503.
    const level = isDatabaseAway(known) ? 'debug' : 'error'
    log[level]({ err: error, cause: error.cause, requestId, code: known.code }, 'request failed')
  }
  // RFC 9110, 15.5.2: a 401 says how to authenticate.
  if (known.status === 401) void reply.header('www-authenticate', 'Bearer')
  if (known.retryAfterSeconds !== undefined) void reply.header('retry-after', known.retryAfterSeconds)
  return reply
    .code(known.status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(toProblem(known, requestId, pathOf(request)))
}

/** `items.0.quantity` in a body; elsewhere with the part in front, such as `querystring.limit`. */
function pathOfIssue(part: string | undefined, pointer: string): string {
  const steps = pointer.split('/').filter(Boolean)
  if (part !== undefined && part !== 'body') steps.unshift(part)
  return steps.length === 0 ? 'body' : steps.join('.')
}

const codeOfFastify: Record<string, string> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_content_length',
}

/** One funnel for whatever was thrown: ours, zod's, Fastify's own, or unknown, which says nothing of its cause. */
export function toServiceError(error: unknown, bodyLimitBytes = BODY_LIMIT_BYTES): ServiceError {
  if (error instanceof ServiceError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((issue) => ({
      path: pathOfIssue((error as { validationContext?: string }).validationContext, issue.instancePath),
      message: issue.message ?? 'is not valid',
    }))
    const first = errors[0]
    return invalid('validation_failed', `${first?.path ?? 'body'}: ${first?.message ?? 'is not valid'}`, {
      errors,
    })
  }
  const { statusCode, code, message } = error as Partial<FastifyError>
  if (statusCode === 413) return bodyTooLarge(bodyLimitBytes)
  const kind = kindOfStatus(statusCode ?? 500)
  if (statusCode !== undefined && statusCode < 500 && kind !== null) {
    return new ServiceError(kind, codeOfFastify[code ?? ''] ?? kind, message ?? 'The request is not valid')
  }
  if (statusCode === 503) return unavailable('shutting_down', 'This process is stopping; try again')
  return new ServiceError(
    'internal',
    'internal_error',
    'Something went wrong on our side; the request id finds it in our logs',
    { cause: error },
  )
}

function bodyTooLarge(limitBytes: number): ServiceError {
  return new ServiceError('too_large', 'body_too_large', `The body is larger than ${limitBytes} bytes`)
}

/** The path of a request without its query, which may hold what a log must not. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url
}
