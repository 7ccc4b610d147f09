import { userOf } from '@urbanbloom/service-kit/auth'
import { unauthenticated } from '@urbanbloom/service-kit/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { isSessionLive } from './session-store.ts'

/**
 * The guard of our own routes. Other services trust an access token until it expires; here, where the sessions are
 * kept, one whose session has ended is refused at once.
 */
export function requireLiveSession(ctx: Context) {
  const requireToken = ctx.authenticator.require()
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    await requireToken(request, reply)
    const { id, sessionId } = userOf(request)
    if (!(await isSessionLive(ctx.db, sessionId, id))) {
      throw unauthenticated('session_ended', 'This session has ended; log in again')
    }
  }
}
