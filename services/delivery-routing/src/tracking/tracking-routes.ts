import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { IdParams, NoBody } from '../schemas.ts'
import { SharedTracking, Tracking, trackOwnOrder } from './tracking.ts'
import { createTrackingLink, TrackingLink, trackByToken } from './tracking-links.ts'

const tags = ['Tracking']

export function registerTrackingRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('customer')
  const notFound = { 404: '`order_not_found`: none, or not yours' }

  app.get(
    '/v1/orders/:id/tracking',
    {
      onRequest,
      schema: {
        summary: 'Where an order is',
        tags,
        security: bearer,
        params: IdParams,
        response: { 200: Tracking, ...problems(notFound) },
      },
    },
    async (request) => trackOwnOrder(ctx, userOf(request).id, request.params.id),
  )

  app.post(
    '/v1/orders/:id/tracking-links',
    {
      onRequest,
      schema: {
        summary: 'Make a link to share that expires',
        tags,
        security: bearer,
        params: IdParams,
        body: NoBody,
        response: { 201: TrackingLink, ...problems({ ...notFound, 409: '`too_many_tracking_links`' }) },
      },
    },
    async (request, reply) => {
      const link = await createTrackingLink(ctx, userOf(request).id, request.params.id)
      return reply.code(201).header('cache-control', 'no-store').send(link)
    },
  )

  app.get(
    '/v1/tracking/:token',
    {
      schema: {
        summary: 'What a shared link shows',
        description: 'Needs no login and shows no personal data.',
        tags,
        params: z.object({ token: z.string().min(1).max(100) }),
        response: { 200: SharedTracking, ...problems({ 404: '`tracking_link_not_found`' }) },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      return trackByToken(ctx, request.params.token)
    },
  )
}
