import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { IdParams, NoBody } from '../schemas.ts'
import { SharedTracking, Tracking, trackOwnOrder } from './tracking.ts'
import {
  createTrackingLink,
  KnownTrackingLink,
  listTrackingLinks,
  photoByToken,
  revokeTrackingLink,
  TrackingLink,
  trackByToken,
} from './tracking-links.ts'

const tags = ['Tracking']
const notFound = { 404: '`order_not_found`: none, or not yours' }

export function registerTrackingRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('customer')

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

  registerTrackingLinks(app, ctx)
  registerSharedTracking(app, ctx)
}

function registerTrackingLinks(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('customer')

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
    '/v1/orders/:id/tracking-links',
    {
      onRequest,
      schema: {
        summary: 'The links that work: those to share, and those in mails',
        tags,
        security: bearer,
        params: IdParams,
        response: { 200: z.object({ items: z.array(KnownTrackingLink) }), ...problems(notFound) },
      },
    },
    async (request) => ({ items: await listTrackingLinks(ctx, userOf(request).id, request.params.id) }),
  )

  app.delete(
    '/v1/orders/:id/tracking-links/:linkId',
    {
      onRequest,
      schema: {
        summary: 'Revoke a link',
        tags,
        security: bearer,
        params: z.object({ id: z.uuid(), linkId: z.uuid() }),
        response: {
          204: z.null().describe('It shows nothing any more'),
          ...problems({ 404: '`order_not_found`, `tracking_link_not_found`' }),
        },
      },
    },
    async (request, reply) => {
      const { id: orderId, linkId } = request.params
      await revokeTrackingLink(ctx, userOf(request).id, { orderId, linkId })
      return reply.code(204).send(null)
    },
  )
}

function registerSharedTracking(app: App, ctx: Context): void {
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

  app.get(
    '/v1/tracking/:token/photo',
    {
      schema: {
        summary: 'The photo of the handover',
        description: 'Once it is delivered, where the driver took one (`hasPhoto`).',
        tags,
        params: z.object({ token: z.string().min(1).max(100) }),
        response: {
          200: {
            description: 'The picture',
            content: { 'image/*': { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
          },
          ...problems({ 404: '`tracking_link_not_found`, `photo_not_found`' }),
        },
      },
    },
    async (request, reply) => {
      const { body, contentType } = await photoByToken(ctx, request.params.token)
      return reply
        .header('content-type', contentType)
        .header('cache-control', 'private, no-store')
        .header('x-content-type-options', 'nosniff')
        .header('content-security-policy', "default-src 'none'; sandbox")
        .send(body)
    },
  )
}
