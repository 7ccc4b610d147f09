import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import * as z from 'zod'
import type { Account } from './account.ts'
import type { Context } from './context.ts'
import { newRefreshToken } from './session.ts'
import { insertSession } from './session-store.ts'

export const Tokens = z.object({
  accessToken: z.string().describe('A JWT for the header `Authorization: Bearer …`'),
  refreshToken: z.string().describe('Opaque, and good for one call of `POST /v1/auth/refresh`'),
  expiresInSeconds: z.int().describe('How long the access token is good'),
})

export type Tokens = z.output<typeof Tokens>

export type NewSession = { sessionId: string; refreshToken: string }

/** Begins a session for the account, in the caller's transaction if there is one. */
export async function beginSession(
  ctx: Context,
  db: Db,
  accountId: string,
  userAgent: string | null,
): Promise<NewSession> {
  const sessionId = newId()
  const { token, hash } = newRefreshToken()
  const { refreshSeconds } = ctx.config.tokens
  await insertSession(db, { id: sessionId, accountId, userAgent, tokenHash: hash, refreshSeconds })
  return { sessionId, refreshToken: token }
}

/** The answer to whoever may hold the session: its refresh token and a fresh access token. */
export async function issueTokens(
  ctx: Context,
  account: Pick<Account, 'id' | 'role'>,
  { sessionId, refreshToken }: NewSession,
): Promise<Tokens> {
  const accessToken = await ctx.keys.sign({ accountId: account.id, role: account.role, sessionId })
  return { accessToken, refreshToken, expiresInSeconds: ctx.config.tokens.accessSeconds }
}
