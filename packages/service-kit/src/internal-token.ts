import { timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { unauthenticated } from './errors.ts'

/** The hook that lets only our own services call paths under `/internal`. */
export function requireInternalToken(token: string) {
  const expected = Buffer.from(`Bearer ${token}`)
  return (request: FastifyRequest, _reply: FastifyReply, done: (err?: Error) => void): void => {
    if (!request.url.startsWith('/internal')) return done()
    const given = Buffer.from(request.headers.authorization ?? '')
    const equal = given.length === expected.length && timingSafeEqual(given, expected)
    done(equal ? undefined : unauthenticated('internal_token_required', 'This path is for our own services'))
  }
}
