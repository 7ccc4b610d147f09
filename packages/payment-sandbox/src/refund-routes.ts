import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { answerOnce } from './answer-once.ts'
import { decodeForm, decodeQuery } from './form-body.ts'
import {
  amountParameter,
  listParameters,
  metadataParameter,
  parseParameters,
  toListFilter,
} from './parameters.ts'
import { createRefund } from './refunds.ts'
import type { SandboxContext } from './sandbox-context.ts'

const CreateParameters = z.strictObject({
  payment_intent: z.string().max(100),
  amount: amountParameter.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata: metadataParameter.default({}),
})

const ListParameters = z.strictObject({ ...listParameters, payment_intent: z.string().max(100).optional() })

export function registerRefundRoutes(app: FastifyInstance, ctx: SandboxContext): void {
  app.post('/v1/refunds', (request, reply) => {
    const input = parseParameters(CreateParameters, decodeForm(String(request.body)))
    return answerOnce(ctx, request, reply, (call) => {
      const intent = ctx.store.get('payment_intent', input.payment_intent)
      const details = { amount: input.amount, reason: input.reason ?? null, metadata: input.metadata }
      return { status: 200, body: createRefund(ctx, call, intent, details) }
    })
  })

  app.get<{ Params: { id: string } }>('/v1/refunds/:id', (request) =>
    ctx.store.get('refund', request.params.id),
  )

  app.get('/v1/refunds', (request) => {
    const { payment_intent: intentId, ...input } = parseParameters(ListParameters, decodeQuery(request.url))
    const equals: Record<string, string> = intentId === undefined ? {} : { '$.payment_intent': intentId }
    const page = ctx.store.list('refund', { ...toListFilter(input), equals })
    return { object: 'list', url: '/v1/refunds', has_more: page.hasMore, data: page.data }
  })
}
