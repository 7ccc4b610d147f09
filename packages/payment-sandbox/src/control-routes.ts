import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { decodeForm, decodeQuery } from './form-body.ts'
import { listParameters, metadataParameter, parseParameters, toListFilter } from './parameters.ts'
import { authenticateIntent } from './payment-intents.ts'
import type { SandboxContext } from './sandbox-context.ts'

const Authentication = z.strictObject({ outcome: z.enum(['approve', 'decline']) })

const WebhookSettings = z.strictObject({
  mode: z.enum(['normal', 'off', 'twice', 'before_answer']),
  delayMs: z.coerce.number().int().min(0).max(600_000).optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
})

const ListParameters = z.strictObject({ ...listParameters, metadata: metadataParameter.default({}) })

/** What Stripe does not have: the bank's side of 3-D Secure, and the levers of tests. */
export function registerControlRoutes(app: FastifyInstance, ctx: SandboxContext): void {
  app.post<{ Params: { id: string } }>('/_sandbox/payment_intents/:id/authenticate', async (request) => {
    const { outcome } = parseParameters(Authentication, readBody(request))
    const call = { requestId: request.id, idempotencyKey: null, isFirstTry: true, eventIds: [] }
    const intent = ctx.store.transaction(() =>
      authenticateIntent(ctx, call, ctx.store.get('payment_intent', request.params.id), outcome),
    )
    ctx.webhooks.wake()
    if (ctx.webhooks.mode === 'before_answer') await ctx.webhooks.deliverNow(call.eventIds)
    return intent
  })

  app.post('/_sandbox/webhooks', (request) =>
    ctx.webhooks.configure(parseParameters(WebhookSettings, readBody(request))),
  )

  app.get('/_sandbox/payment_intents', (request) => {
    const { metadata, ...input } = parseParameters(ListParameters, decodeQuery(request.url))
    const equals = Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [`$.metadata."${key.replaceAll('"', '')}"`, value]),
    )
    const page = ctx.store.list('payment_intent', { ...toListFilter(input), equals })
    return { object: 'list', url: '/_sandbox/payment_intents', has_more: page.hasMore, data: page.data }
  })
}

/** Control calls take JSON or, so that the SDK's `rawRequest` works, a form. */
function readBody(request: FastifyRequest): unknown {
  if (typeof request.body === 'string') return decodeForm(request.body)
  return request.body ?? {}
}
