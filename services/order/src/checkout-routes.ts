import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { requiredIdempotencyKey } from '@urbanbloom/service-kit/idempotency'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { checkout } from './checkout.ts'
import type { OrderContext } from './context.ts'
import { CheckoutBody, OrderAnswer, Quote, QuoteBody } from './order-schemas.ts'
import { quote } from './quote.ts'

/** `/v1/quotes` and `/v1/checkout`. */
export function registerCheckoutRoutes(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.post(
    '/v1/quotes',
    {
      schema: {
        tags: ['Shop'],
        summary: 'Price a basket',
        body: QuoteBody,
        response: {
          200: Quote,
          ...problems({
            400: 'validation_failed',
            409: 'window_unavailable',
            422: 'outside_delivery_area, product_unavailable',
          }),
        },
      },
    },
    async (request) => quote(ctx, request.body),
  )

  app.post(
    '/v1/checkout',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Shop'],
        summary: 'Buy',
        description:
          'Takes an Idempotency-Key header. 201 the confirmed order; 202 when the bank wants the customer (nextAction) or has not answered yet; ' +
          '402 payment_declined; 409 out_of_stock, window_unavailable, price_changed or idempotency_in_progress; ' +
          '422 outside_delivery_area, product_unavailable or idempotency_key_reused.',
        security: bearer,
        headers: z.looseObject({ 'idempotency-key': z.string().optional() }),
        body: CheckoutBody,
        response: { 201: OrderAnswer, 202: OrderAnswer },
      },
    },
    async (request, reply) => {
      const key = requiredIdempotencyKey(request)
      const answer = await checkout(ctx, { customerId: userOf(request).id, key, body: request.body })
      if (answer.replayed) void reply.header('idempotency-replayed', 'true')
      // The answer was shaped when it was stored; it goes out as it is, the first time and every time.
      void reply.code(answer.status as 201).serializer(JSON.stringify)
      void reply.type(answer.status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json')
      if (answer.status === 503) void reply.header('retry-after', '1')
      return reply.send(answer.body as never)
    },
  )
}
