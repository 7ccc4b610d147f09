import type { FastifyRequest } from 'fastify'

const USER_AGENT_LENGTH = 200

/**
 * The address of the person's device. Only the gateway reaches this service, and what it saw is the last entry of
 * `X-Forwarded-For`; entries before that are the client's own claim.
 */
export function clientAddress(request: FastifyRequest): string {
  const forwarded = request.headers['x-forwarded-for']
  const last = String(forwarded ?? '')
    .split(',')
    .at(-1)
    ?.trim()
  return last === undefined || last === '' ? request.ip : last
}

/** What the person recognises the session by. */
export function userAgentOf(request: FastifyRequest): string | null {
  return request.headers['user-agent']?.slice(0, USER_AGENT_LENGTH) ?? null
}
