import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'

export type Session = {
  id: string
  userAgent: string | null
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
}

export const SessionAnswer = z
  .object({
    id: z.uuid(),
    userAgent: z.string().nullable().describe('The program that logged in, as it named itself'),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().describe('When it was last refreshed'),
    expiresAt: z.iso.datetime(),
    current: z.boolean().describe('Whether this is the session that asks'),
  })
  .meta({ id: 'Session' })

export function toSessionAnswer(session: Session, currentId: string): z.output<typeof SessionAnswer> {
  return {
    id: session.id,
    userAgent: session.userAgent,
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    current: session.id === currentId,
  }
}

export type RefreshToken = { token: string; hash: Buffer }

/** 256 random bits: opaque to the client, and only its hash is kept. */
export function newRefreshToken(): RefreshToken {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashRefreshToken(token) }
}

export function hashRefreshToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
