import { DeliveryAnswer, HoldDelivery } from '@urbanbloom/contracts/delivery'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { NoBody } from '../schemas.ts'
import { holdDelivery } from './hold-delivery.ts'
import { releaseDelivery } from './release-delivery.ts'

export function registerDeliveryRoutes(app: App, ctx: Context): void {
  app.post(
    '/internal/deliveries',
    { schema: { hide: true, body: HoldDelivery, response: { 200: DeliveryAnswer } } },
    async (request) => ({ status: await holdDelivery(ctx, request.body) }),
  )

  app.post(
    '/internal/deliveries/:orderId/release',
    {
      schema: {
        hide: true,
        params: z.object({ orderId: z.uuid() }),
        body: NoBody,
        response: { 200: DeliveryAnswer },
      },
    },
    async (request) => {
      await releaseDelivery(ctx, request.params.orderId, 'order')
      return { status: 'released' }
    },
  )
}
