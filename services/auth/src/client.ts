import type { FastifyRequest } from 'fastify'

const USER_AGENT_LENGTH = 200

/**
 * The address of the person's device. Only the gateway reaches this service; it drops what clients claim and writes
 * `X-Forwarded-For` itself, the client first.
 */
export function clientAddress(request: FastifyRequest): string {
  const [first = ''] = String(request.headers['x-forwarded-for'] ?? '').split(',', 1)
  return first.trim() || request.ip
}

/** What the person recognises the session by. */
export function userAgentOf(request: FastifyRequest): string | null {
  return request.headers['user-agent']?.slice(0, USER_AGENT_LENGTH) ?? null
}
