import { violates } from '@urbanbloom/service-kit/db'
import { conflict, invalid, notFound, unprocessable } from '@urbanbloom/service-kit/errors'
import { problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { PaymentContext } from './context.ts'
import type { ProviderEvent } from './payment-provider.ts'
import { receiveWebhook } from './receive-webhook.ts'

/** The provider's webhooks. The body stays raw in here, because the signature covers its bytes. */
export function registerWebhookRoutes(app: App, ctx: PaymentContext): void {
  void app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.post(
      '/v1/payments/webhooks/:provider',
      {
        schema: {
          tags: ['Payment provider'],
          summary: 'Receive an event of the payment provider',
          description:
            'Signed by the provider (`Stripe-Signature` over the raw body, at most 300 s old). Each event is ' +
            'applied once, in any order; types that concern nobody are recorded and answered 200.',
          params: z.object({ provider: z.string().max(50) }),
          response: {
            200: z.object({ received: z.boolean() }),
            ...problems({
              400: 'webhook_signature_invalid',
              404: 'provider_unknown',
              409: 'webhook_contradicts_payment',
              422: 'webhook_not_an_event',
            }),
          },
        },
      },
      async (request) => {
        if (request.params.provider !== ctx.provider.name) {
          throw notFound('provider_unknown', `There is no payment provider "${request.params.provider}"`)
        }
        const signature = request.headers['stripe-signature']
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const event =
          typeof signature === 'string' ? ctx.provider.parseWebhook(body, signature) : 'not_signed'
        if (typeof event === 'string') {
          ctx.metrics.webhooks.inc({ result: 'refused' })
          throw refusals[event]()
        }
        ctx.metrics.webhooks.inc({ result: await receive(ctx, event) })
        return { received: true }
      },
    )
  })
}

const refusals = {
  not_signed: () =>
    invalid('webhook_signature_invalid', 'The signature does not fit the body, or is older than 300 s'),
  not_an_event: () =>
    unprocessable('webhook_not_an_event', 'The signature is right, but the body is not a Stripe event'),
}

/** An event that no payment of ours can follow changes nothing: it is for people, however often it is repeated. */
async function receive(ctx: PaymentContext, event: ProviderEvent): Promise<'applied' | 'repeated'> {
  try {
    return await receiveWebhook(ctx, event)
  } catch (err) {
    if (!violates(err)) throw err
    ctx.metrics.webhooks.inc({ result: 'refused' })
    ctx.log.error(
      { err, eventId: event.id, eventType: event.type },
      "an event of the provider contradicts a payment's record",
    )
    throw conflict('webhook_contradicts_payment', 'The event says what this payment cannot be', {
      cause: err,
    })
  }
}
