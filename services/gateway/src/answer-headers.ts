import type { FastifyRequest } from 'fastify'

/** On every answer. The reference pages set a content security policy of their own. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

const readableByScripts = [
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Limit',
  'RateLimit-Policy',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'X-Request-Id',
].join(', ')

const preflightHeaders = {
  'access-control-allow-methods': 'GET, HEAD, POST, PATCH, PUT, DELETE',
  'access-control-allow-headers':
    'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, traceparent, X-Request-Id',
  'access-control-max-age': '7200',
}

/**
 * Cross-origin sharing for the origins of web shops. Tokens travel in a header, never in a cookie, so credentials
 * are not allowed.
 */
export function createCors(origins: readonly string[]) {
  const allowed = new Set(origins)
  return {
    /** What an answer to this request has to carry. */
    headers(request: FastifyRequest): Record<string, string> {
      if (allowed.size === 0) return {}
      const { origin } = request.headers
      // Caches must not hand one origin's answer to another one, so this is said to all.
      if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' }
      return {
        vary: 'Origin',
        'access-control-allow-origin': origin,
        'access-control-expose-headers': readableByScripts,
        ...(isPreflight(request) && preflightHeaders),
      }
    },
    /** Whether the gateway answers by itself: a browser asks whether it may send the real request. */
    isPreflight: (request: FastifyRequest): boolean => allowed.size > 0 && isPreflight(request),
  }
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
}
