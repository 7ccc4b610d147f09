import { createHash, randomBytes } from 'node:crypto'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { type Tracking, trackOrder, trackOwnOrder } from './tracking.ts'

export const TrackingLink = z.object({ token: z.string(), url: z.url(), expiresAt: z.iso.datetime() })

const TOKEN_BYTES = 32
const DAY_MS = 86_400_000
const LINKS_PER_ORDER = 20

/** A link to share. Only its hash is kept; it ends a day after the window, or tomorrow where that is later. */
export async function createTrackingLink(
  ctx: Context,
  customerId: string,
  orderId: string,
): Promise<z.infer<typeof TrackingLink>> {
  const { window } = await trackOwnOrder(ctx, customerId, orderId)
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const expiresAt = new Date(Math.max(Date.parse(window.end), ctx.now().getTime()) + DAY_MS)
  const inserted = await ctx.db.query(
    `insert into tracking_links (id, order_id, token_sha256, expires_at)
     select $1, $2, $3, $4
     where (select count(*) from tracking_links
            where order_id = $2 and revoked_at is null and expires_at > $6) < $5
     returning id`,
    [newId(), orderId, hash(token), expiresAt, LINKS_PER_ORDER, ctx.now()],
  )
  if (inserted.length === 0) {
    throw conflict(
      'too_many_tracking_links',
      `The order has ${LINKS_PER_ORDER} links that work; share one of those`,
    )
  }
  const url = new URL(`/v1/tracking/${token}`, ctx.config.publicUrl).href
  return { token, url, expiresAt: expiresAt.toISOString() }
}

/** What the link shows; 404 once it has expired or was revoked. */
export async function trackByToken(ctx: Context, token: string): Promise<Omit<Tracking, 'orderId'>> {
  const [link] = await ctx.db.query<{ order_id: string }>(
    `select order_id from tracking_links where token_sha256 = $1 and expires_at > $2 and revoked_at is null`,
    [hash(token), ctx.now()],
  )
  const tracking = link === undefined ? null : await trackOrder(ctx, link.order_id)
  if (tracking === null) throw notFound('tracking_link_not_found', 'This link is unknown or has expired')
  const { orderId: _orderId, ...shared } = tracking
  return shared
}

/** The token has 256 random bits, so a plain hash is enough. */
function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
