import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { IdParams } from '../schemas.ts'
import { lastSequences, type Stream } from '../stream/route-events.ts'
import { eventStream, type SseMessage } from '../stream/sse.ts'
import { trackOrder, trackOwnOrder } from './tracking.ts'
import { orderOfToken, trackByToken } from './tracking-links.ts'

export function registerTrackingEventRoutes(app: App, ctx: Context): void {
  app.get(
    '/v1/orders/:id/tracking/events',
    {
      onRequest: ctx.auth.require('customer'),
      schema: {
        summary: 'Where an order is, as server-sent events',
        description: 'The event `tracking` carries the whole state: at once, and whenever it has changed.',
        tags: ['Tracking'],
        security: bearer,
        params: IdParams,
        response: {
          200: eventStream,
          ...problems({
            404: '`order_not_found`: none, or not yours',
            429: '`too_many_streams`',
          }),
        },
      },
    },
    async (request, reply) => {
      const orderId = request.params.id
      await trackOwnOrder(ctx, userOf(request).id, orderId)
      const stream: Stream = `order:${orderId}`
      const seen = (await lastSequences(ctx.db, [stream])).get(stream) ?? 0
      ctx.sse.serve(request, reply, {
        owner: `customer:${userOf(request).id}`,
        listen: (poke) => ctx.feed.listen(stream, seen, poke),
        read: changedTracking(ctx, stream, () => trackOrder(ctx, orderId)),
      })
      return reply
    },
  )

  app.get(
    '/v1/tracking/:token/events',
    {
      schema: {
        summary: 'What a shared link shows, as server-sent events',
        description: 'Like those of the order. The stream ends when the link expires or is revoked.',
        tags: ['Tracking'],
        params: z.object({ token: z.string().min(1).max(100) }),
        response: {
          200: eventStream,
          ...problems({ 404: '`tracking_link_not_found`', 429: '`too_many_streams`' }),
        },
      },
    },
    async (request, reply) => {
      const { token } = request.params
      const orderId = await orderOfToken(ctx, token)
      const stream: Stream = `order:${orderId}`
      const seen = (await lastSequences(ctx.db, [stream])).get(stream) ?? 0
      ctx.sse.serve(request, reply, {
        owner: `link:${token}`,
        listen: (poke) => ctx.feed.listen(stream, seen, poke),
        read: changedTracking(ctx, stream, () => trackByToken(ctx, token)),
      })
      return reply
    },
  )
}

/** Gives the state when it is another than the last time. */
function changedTracking(
  ctx: Context,
  stream: Stream,
  track: () => Promise<object | null>,
): () => Promise<SseMessage[]> {
  let sent = ''
  return async () => {
    const id = (await lastSequences(ctx.db, [stream])).get(stream) ?? 0
    const tracking = await track()
    if (tracking === null) return []
    const text = JSON.stringify(tracking)
    if (text === sent) return []
    sent = text
    return [{ id, event: 'tracking', data: tracking }]
  }
}
