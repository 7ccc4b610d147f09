import { unauthenticated } from '@urbanbloom/service-kit/errors'
import type { Context } from './context.ts'
import { hashRefreshToken, newRefreshToken } from './session.ts'
import { refuseRefreshToken, rotateRefreshToken } from './session-store.ts'
import { issueTokens, type Tokens } from './tokens.ts'

/**
 * Exchanges a refresh token for its successor and a fresh access token. A token that comes a second time was
 * copied by someone, and nobody can tell who holds the true one; so the whole session ends (RFC 9700, 4.14.2).
 */
export async function refreshSession(ctx: Context, refreshToken: string): Promise<Tokens> {
  const given = hashRefreshToken(refreshToken)
  const successor = newRefreshToken()
  const { refreshSeconds } = ctx.config.tokens
  const rotated = await rotateRefreshToken(ctx.db, given, successor.hash, refreshSeconds)
  if (rotated === null) throw await refusal(ctx, given)
  ctx.events.refreshed()
  return issueTokens(ctx, rotated.account, { sessionId: rotated.sessionId, refreshToken: successor.token })
}

async function refusal(ctx: Context, hash: Buffer) {
  const { reason, endedSessionId } = await refuseRefreshToken(ctx.db, hash)
  ctx.events.refreshRefused(reason)
  if (endedSessionId !== null) ctx.events.sessionStolen(endedSessionId)
  switch (reason) {
    case 'used':
      return unauthenticated(
        'refresh_token_reused',
        'This refresh token was used before, so its session has ended; log in again',
      )
    case 'expired':
      return unauthenticated('refresh_token_expired', 'The refresh token has expired; log in again')
    case 'ended':
      return unauthenticated('refresh_token_invalid', 'The session of this token has ended; log in again')
    case 'unknown':
      return unauthenticated('refresh_token_invalid', 'This is not a refresh token of ours; log in again')
    default:
      return reason satisfies never
  }
}
