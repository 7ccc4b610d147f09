import type { Problem } from '@urbanbloom/contracts/problem'

const statusOf = {
  invalid: 400,
  unauthenticated: 401,
  declined: 402,
  forbidden: 403,
  not_found: 404,
  too_slow: 408,
  conflict: 409,
  too_large: 413,
  uri_too_long: 414,
  unsupported_media: 415,
  unprocessable: 422,
  too_many: 429,
  headers_too_large: 431,
  internal: 500,
  bad_gateway: 502,
  unavailable: 503,
  timeout: 504,
} as const

export type ErrorKind = keyof typeof statusOf

const titleOf: Record<ErrorKind, string> = {
  invalid: 'The request is not valid',
  unauthenticated: 'Authentication is required',
  declined: 'The payment was declined',
  forbidden: 'Not allowed',
  not_found: 'Not found',
  too_slow: 'The request arrived too slowly',
  conflict: 'The request conflicts with the current state',
  too_large: 'The request is too large',
  uri_too_long: 'The URL is too long',
  unsupported_media: 'The media type is not supported',
  unprocessable: 'The request cannot be processed',
  too_many: 'Too many requests',
  headers_too_large: 'The headers are too large',
  internal: 'Something went wrong on our side',
  bad_gateway: 'A service gave no usable answer',
  unavailable: 'Temporarily unavailable',
  timeout: 'A service did not answer in time',
}

type Details = {
  /** Further members of the problem document, such as `availableQuantity`. */
  extra?: Record<string, unknown>
  errors?: Problem['errors']
  retryAfterSeconds?: number
  cause?: unknown
}

/** The only error that a route may throw on purpose. `code` is stable; `detail` is for people. */
export class ServiceError extends Error {
  override name = 'ServiceError'
  readonly kind: ErrorKind
  readonly code: string
  readonly extra: Record<string, unknown>
  readonly errors: Problem['errors']
  readonly retryAfterSeconds: number | undefined

  constructor(kind: ErrorKind, code: string, detail: string, details: Details = {}) {
    super(detail, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.code = code
    this.extra = details.extra ?? {}
    this.errors = details.errors
    this.retryAfterSeconds =
      details.retryAfterSeconds ?? (kind === 'unavailable' || kind === 'too_many' ? 1 : undefined)
  }

  get status(): number {
    return statusOf[this.kind]
  }
}

function raiser(kind: ErrorKind) {
  return (code: string, detail: string, details?: Details) => new ServiceError(kind, code, detail, details)
}

export const invalid = raiser('invalid')
export const unauthenticated = raiser('unauthenticated')
export const declined = raiser('declined')
export const forbidden = raiser('forbidden')
export const notFound = raiser('not_found')
export const conflict = raiser('conflict')
export const unprocessable = raiser('unprocessable')
export const tooMany = raiser('too_many')
export const badGateway = raiser('bad_gateway')
export const unavailable = raiser('unavailable')
export const timeout = raiser('timeout')

/** The RFC 9457 document of an error, as every service and the gateway send it. */
export function toProblem(error: ServiceError, requestId: string, instance: string): Problem {
  return {
    type: `https://urbanbloom.example/problems/${error.code}`,
    title: titleOf[error.kind],
    status: error.status,
    detail: error.message,
    instance,
    code: error.code,
    requestId,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    ...error.extra,
  }
}

/** The kind that belongs to a status that a library or a peer chose; null where we have none. */
export function kindOfStatus(status: number): ErrorKind | null {
  const found = Object.entries(statusOf).find(([, value]) => value === status)
  return found === undefined ? null : (found[0] as ErrorKind)
}
