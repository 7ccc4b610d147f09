import { problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from './context.ts'

const PublicKey = z.looseObject({
  kty: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.string(),
})

/** A new key is published one whole period before it signs, so that an older copy of the answer does no harm. */
const CACHE_CONTROL = 'public, max-age=300, stale-while-revalidate=300, stale-if-error=86400'

export function registerKeyRoutes(app: App, ctx: Context): void {
  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        tags: ['Authentication'],
        summary: 'The keys that verify access tokens',
        description:
          'A JSON Web Key Set (RFC 7517): the key that signs, the one that will sign next, and those whose tokens have not all expired.',
        response: {
          200: z.object({ keys: z.array(PublicKey) }),
          ...problems({ 503: '`database_unavailable`' }),
        },
      },
    },
    async (_request, reply) => {
      const keys = await ctx.keys.published()
      return reply.header('cache-control', CACHE_CONTROL).send({ keys: keys as z.output<typeof PublicKey>[] })
    },
  )
}
