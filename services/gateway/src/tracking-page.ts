import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

type Options = { limitRate: (request: FastifyRequest, reply: FastifyReply) => Promise<void> }

/** The page runs its own script and style and talks to this origin alone; nothing may be put into it or around it. */
const pageSecurity = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const files = {
  'track.html': 'text/html; charset=utf-8',
  'track.css': 'text/css; charset=utf-8',
  'track.js': 'text/javascript; charset=utf-8',
} as const

type FileName = keyof typeof files

/**
 * The page that a tracking link leads people to. It is the same for every link: its script takes the token from the
 * address and reads `/v1/tracking/{token}`, so nothing of an order is in the page or in a cache.
 */
export async function trackingPage(app: FastifyInstance, { limitRate }: Options): Promise<void> {
  const folder = path.resolve(import.meta.dirname, '../public')
  const serve = (name: FileName) => {
    const body = readFileSync(path.join(folder, name))
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    return (request: FastifyRequest, reply: FastifyReply) => {
      void reply.headers({
        etag,
        // Checked each time: a few bytes, and a new version is there at once.
        'cache-control': 'no-cache',
        'content-security-policy': pageSecurity,
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex',
      })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type(files[name]).send(body)
    }
  }
  const onRequest = limitRate
  app.get('/track/assets/track.css', { onRequest }, serve('track.css'))
  app.get('/track/assets/track.js', { onRequest }, serve('track.js'))
  app.get('/track/:token', { onRequest }, serve('track.html'))
}
