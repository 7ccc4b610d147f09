import { createHash, createHmac, randomBytes } from 'node:crypto'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { StoredObject } from '@urbanbloom/service-kit/object-store'
import * as z from 'zod'
import type { Context } from '../context.ts'
import type { Stream } from '../stream/route-events.ts'
import { isShownPhoto, type Tracking, trackOrder, trackOwnOrder } from './tracking.ts'

export const TrackingLink = z.object({
  id: z.uuid(),
  token: z.string().describe('Shown only now'),
  url: z.url().describe('What a program reads'),
  pageUrl: z.url().describe('The same as a page for people'),
  expiresAt: z.iso.datetime(),
})

export const KnownTrackingLink = z.object({
  id: z.uuid(),
  madeFor: z.enum(['sharing', 'mail']).describe('You made it, or it is in a mail to you'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})

const TOKEN_BYTES = 32
const DAY_MS = 86_400_000
const LINKS_PER_ORDER = 20
/** With those in mails, of which each try to deliver sends a few. */
const LISTED_AT_MOST = 100

/** A link to share. Only its hash is kept. */
export async function createTrackingLink(
  ctx: Context,
  customerId: string,
  orderId: string,
): Promise<z.infer<typeof TrackingLink>> {
  const { window } = await trackOwnOrder(ctx, customerId, orderId)
  const id = newId()
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const expiresAt = expiryOf(ctx, window.end)
  const inserted = await ctx.db.query(
    `insert into tracking_links (id, order_id, token_sha256, expires_at)
     select $1, $2, $3, $4
     where (select count(*) from tracking_links
            where order_id = $2 and message_id is null and revoked_at is null and expires_at > $6) < $5
     returning id`,
    [id, orderId, hash(token), expiresAt, LINKS_PER_ORDER, ctx.now()],
  )
  if (inserted.length === 0) {
    throw conflict(
      'too_many_tracking_links',
      `The order has ${LINKS_PER_ORDER} links that work; share one of those`,
    )
  }
  const url = new URL(`/v1/tracking/${token}`, ctx.config.publicUrl).href
  return { id, token, url, pageUrl: pageUrl(ctx, token), expiresAt: expiresAt.toISOString() }
}

/** The customer's links that work, those in mails too, the oldest first; what they are is kept as a hash only. */
export async function listTrackingLinks(ctx: Context, customerId: string, orderId: string) {
  await trackOwnOrder(ctx, customerId, orderId)
  const rows = await ctx.db.query<{ id: string; is_mail: boolean; created_at: Date; expires_at: Date }>(
    `select id, message_id is not null as is_mail, created_at, expires_at from tracking_links
     where order_id = $1 and revoked_at is null and expires_at > $2 order by id limit $3`,
    [orderId, ctx.now(), LISTED_AT_MOST],
  )
  return rows.map(({ id, is_mail, created_at, expires_at }) => ({
    id,
    madeFor: is_mail ? ('mail' as const) : ('sharing' as const),
    createdAt: created_at.toISOString(),
    expiresAt: expires_at.toISOString(),
  }))
}

/** Ends a link now, also for those who look at it. Again is the same. */
export async function revokeTrackingLink(
  ctx: Context,
  customerId: string,
  { orderId, linkId }: { orderId: string; linkId: string },
): Promise<void> {
  await trackOwnOrder(ctx, customerId, orderId)
  const revoked = await ctx.db.query(
    `update tracking_links set revoked_at = coalesce(revoked_at, $3)
     where id = $1 and order_id = $2 returning id`,
    [linkId, orderId, ctx.now()],
  )
  if (revoked.length === 0) {
    throw notFound('tracking_link_not_found', `The order has no link ${linkId}`)
  }
  // Streams that are open read again, and end.
  const stream: Stream = `order:${orderId}`
  ctx.feed.announce([stream])
}

/**
 * The link in a mail. It follows from the message, so that a mail that is sent again says the same, and from a
 * secret of ours, so that nobody else can compute it.
 */
export async function linkOfMessage(
  ctx: Context,
  message: { id: string; orderId: string; facts: { window: { end: string } } },
): Promise<{ url: string; host: string }> {
  const key = ctx.config.http.internalToken
  const token = createHmac('sha256', key).update(`tracking link of message ${message.id}`).digest('base64url')
  await ctx.db.query(
    `insert into tracking_links (id, order_id, token_sha256, expires_at, message_id)
     values ($1, $2, $3, $4, $5) on conflict (token_sha256) do nothing`,
    [newId(), message.orderId, hash(token), expiryOf(ctx, message.facts.window.end), message.id],
  )
  return { url: pageUrl(ctx, token), host: new URL(ctx.config.publicUrl).hostname }
}

/** A day after the window, or tomorrow where that is later. */
function expiryOf(ctx: Context, windowEnd: string): Date {
  return new Date(Math.max(Date.parse(windowEnd), ctx.now().getTime()) + DAY_MS)
}

/** The gateway's page for people. */
function pageUrl(ctx: Context, token: string): string {
  return new URL(`/track/${token}`, ctx.config.publicUrl).href
}

/** What the link shows; 404 once it has expired or was revoked. */
export async function trackByToken(
  ctx: Context,
  token: string,
): Promise<Omit<Tracking, 'orderId' | 'deliveryCode'>> {
  const orderId = await orderOfToken(ctx, token)
  const tracking = await trackOrder(ctx, orderId)
  if (tracking === null) throw linkNotFound()
  const { orderId: _orderId, deliveryCode: _deliveryCode, ...shared } = tracking
  return shared
}

/** Whose link it is; 404 once it has expired or was revoked. */
export async function orderOfToken(ctx: Context, token: string): Promise<string> {
  const [link] = await ctx.db.query<{ order_id: string }>(
    `select order_id from tracking_links where token_sha256 = $1 and expires_at > $2 and revoked_at is null`,
    [hash(token), ctx.now()],
  )
  if (link === undefined) throw linkNotFound()
  return link.order_id
}

/**
 * The picture that proves the handover; 404 where something else does. What else the driver took, a signature or a
 * closed door, is not for whoever has the link.
 */
export async function photoByToken(ctx: Context, token: string): Promise<StoredObject> {
  const orderId = await orderOfToken(ctx, token)
  const [file] = await ctx.db.query<{ object_key: string }>(
    `select f.object_key from deliveries d
     join stops s on s.order_id = d.order_id and s.status = 'delivered'
     join proof_files f on ${isShownPhoto}
     where d.order_id = $1 and d.status = 'delivered'`,
    [orderId],
  )
  const photo = file === undefined ? null : await ctx.objects.get(file.object_key)
  if (photo === null) throw notFound('photo_not_found', 'There is no photo of this delivery')
  return photo
}

function linkNotFound() {
  return notFound('tracking_link_not_found', 'This link is unknown or has expired')
}

/** The token has 256 random bits, so a plain hash is enough. */
function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
