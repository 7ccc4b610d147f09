import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import type { Context } from '../context.ts'
import { IdParams } from '../schemas.ts'
import { changeHandover, Handover, HandoverChange, readHandover } from './handover-preferences.ts'

export function registerHandoverRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('customer')
  const secured = { tags: ['Tracking'], security: bearer, params: IdParams }
  const notFound = { 404: '`order_not_found`: none, or not yours' }

  app.get(
    '/v1/orders/:id/tracking/handover',
    {
      onRequest,
      schema: {
        summary: 'How the order is to be handed over, and the code to show',
        ...secured,
        response: { 200: Handover, ...problems(notFound) },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      return readHandover(ctx, userOf(request).id, request.params.id)
    },
  )

  app.post(
    '/v1/orders/:id/tracking/handover',
    {
      onRequest,
      schema: {
        summary: 'Choose how the order is to be handed over',
        description: 'What is left out stays as it is. The driver sees the change at once.',
        ...secured,
        body: HandoverChange,
        response: {
          200: Handover,
          ...problems({ ...notFound, 400: '`handover_contradiction`', 409: '`handover_over`' }),
        },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      const target = { customerId: userOf(request).id, orderId: request.params.id }
      return changeHandover(ctx, target, request.body)
    },
  )
}
