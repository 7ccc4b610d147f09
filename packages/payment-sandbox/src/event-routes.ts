import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { decodeQuery } from './form-body.ts'
import { listParameters, parseParameters, toListFilter } from './parameters.ts'
import type { SandboxContext } from './sandbox-context.ts'

const ListParameters = z.strictObject({ ...listParameters, type: z.string().max(100).optional() })

export function registerEventRoutes(app: FastifyInstance, ctx: SandboxContext): void {
  app.get<{ Params: { id: string } }>('/v1/events/:id', (request) =>
    ctx.store.get('event', request.params.id),
  )

  app.get('/v1/events', (request) => {
    const { type, ...input } = parseParameters(ListParameters, decodeQuery(request.url))
    const equals: Record<string, string> = type === undefined ? {} : { '$.type': type }
    const page = ctx.store.list('event', { ...toListFilter(input), equals })
    return { object: 'list', url: '/v1/events', has_more: page.hasMore, data: page.data }
  })
}
