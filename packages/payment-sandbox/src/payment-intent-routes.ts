import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { answerOnce } from './answer-once.ts'
import { decodeForm, decodeQuery } from './form-body.ts'
import {
  amountParameter,
  booleanParameter,
  expandParameter,
  listParameters,
  metadataParameter,
  parseParameters,
  toListFilter,
} from './parameters.ts'
import { cancelIntent, captureIntent, confirmIntent, makeIntent } from './payment-intents.ts'
import type { SandboxContext } from './sandbox-context.ts'
import { invalidRequest } from './stripe-failure.ts'
import type { PaymentIntent } from './stripe-objects.ts'

const cardParameters = {
  payment_method_data: z
    .strictObject({ type: z.literal('card'), card: z.strictObject({ token: z.string().min(1).max(100) }) })
    .optional(),
  return_url: z.url().max(2_048).optional(),
  expand: expandParameter,
}

const CreateParameters = z.strictObject({
  ...cardParameters,
  amount: amountParameter,
  currency: z.string().regex(/^[a-zA-Z]{3}$/, 'Invalid currency'),
  capture_method: z.enum(['automatic', 'manual']).default('automatic'),
  confirm: booleanParameter.default(false),
  customer: z.string().max(100).optional(),
  description: z.string().max(1_000).optional(),
  metadata: metadataParameter.default({}),
  allowed_payment_method_types: z.array(z.literal('card')).max(1).optional(),
})

const ConfirmParameters = z.strictObject(cardParameters)
const CaptureParameters = z.strictObject({
  amount_to_capture: amountParameter.optional(),
  expand: expandParameter,
})
const CancelParameters = z.strictObject({
  cancellation_reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned']).optional(),
  expand: expandParameter,
})
const ListParameters = z.strictObject(listParameters)

type WithId = { Params: { id: string } }

export function registerPaymentIntentRoutes(app: FastifyInstance, ctx: SandboxContext): void {
  app.post('/v1/payment_intents', (request, reply) => {
    const input = parseParameters(CreateParameters, decodeForm(String(request.body)))
    return answerOnce(ctx, request, reply, (call) => {
      const intent = makeIntent({
        amount: input.amount,
        currency: input.currency.toLowerCase(),
        captureMethod: input.capture_method,
        customer: input.customer ?? null,
        description: input.description ?? null,
        metadata: input.metadata,
      })
      ctx.store.insert(intent)
      ctx.webhooks.emit(call, 'payment_intent.created', intent)
      if (!input.confirm) return { status: 200, body: intent }
      const answer = confirmIntent(ctx, call, intent, confirmation(input))
      return answer === 'silent' || answer.status !== 200 ? answer : ok(ctx, intent, input.expand)
    })
  })

  app.post<WithId>('/v1/payment_intents/:id/confirm', (request, reply) => {
    const input = parseParameters(ConfirmParameters, decodeForm(String(request.body)))
    return answerOnce(ctx, request, reply, (call) => {
      const intent = ctx.store.get('payment_intent', request.params.id)
      const answer = confirmIntent(ctx, call, intent, confirmation(input))
      return answer === 'silent' || answer.status !== 200 ? answer : ok(ctx, intent, input.expand)
    })
  })

  app.post<WithId>('/v1/payment_intents/:id/capture', (request, reply) => {
    const input = parseParameters(CaptureParameters, decodeForm(String(request.body)))
    return answerOnce(ctx, request, reply, (call) => {
      const intent = ctx.store.get('payment_intent', request.params.id)
      return ok(ctx, captureIntent(ctx, call, intent, input.amount_to_capture), input.expand)
    })
  })

  app.post<WithId>('/v1/payment_intents/:id/cancel', (request, reply) => {
    const input = parseParameters(CancelParameters, decodeForm(String(request.body)))
    return answerOnce(ctx, request, reply, (call) => {
      const intent = ctx.store.get('payment_intent', request.params.id)
      return ok(ctx, cancelIntent(ctx, call, intent, input.cancellation_reason ?? null), input.expand)
    })
  })

  app.get<WithId>('/v1/payment_intents/:id', (request) => {
    const input = parseParameters(
      z.strictObject({ expand: expandParameter, client_secret: z.string().optional() }),
      decodeQuery(request.url),
    )
    return expanded(ctx, ctx.store.get('payment_intent', request.params.id), input.expand)
  })

  app.get('/v1/payment_intents', (request) => {
    const input = parseParameters(ListParameters, decodeQuery(request.url))
    const page = ctx.store.list('payment_intent', toListFilter(input))
    const data = page.data.map((intent) => expanded(ctx, intent, input.expand))
    return { object: 'list', url: '/v1/payment_intents', has_more: page.hasMore, data }
  })
}

function confirmation(input: { payment_method_data?: { card: { token: string } }; return_url?: string }) {
  if (input.payment_method_data === undefined) {
    throw invalidRequest('You cannot confirm this PaymentIntent because it is missing a payment method.', {
      code: 'parameter_missing',
      param: 'payment_method_data',
    })
  }
  return { token: input.payment_method_data.card.token, returnUrl: input.return_url }
}

function ok(ctx: SandboxContext, intent: PaymentIntent, expand: string[]) {
  return { status: 200, body: expanded(ctx, intent, expand) }
}

function expanded(ctx: SandboxContext, intent: PaymentIntent, expand: string[]): PaymentIntent {
  if (expand.length === 0 || typeof intent.latest_charge !== 'string') return intent
  return { ...intent, latest_charge: ctx.store.get('charge', intent.latest_charge) }
}
