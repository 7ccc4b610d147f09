import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { assertClaimable, toPublicClaim } from './claim.ts'
import { insertClaim, listClaims } from './claim-store.ts'
import type { OrderContext } from './context.ts'
import { idCursor } from './order-routes.ts'
import { Items } from './order-schemas.ts'
import { findOrderOf } from './order-store.ts'
import { resolveClaim } from './resolve-claim.ts'

const Id = z.object({ id: z.uuid() })
const statuses = z.enum(['open', 'resolving', 'refunded', 'redelivering', 'rejected'])

const ClaimBody = z.strictObject({
  reason: z.string().trim().min(1).max(1_000),
  items: Items,
  photos: z.array(z.string().min(1).max(60_000)).max(3).optional().describe('Links or data URLs'),
})

const Resolution = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('refund'),
    amountCents: z.int().min(1).optional().describe('By default what the claimed plants cost'),
  }),
  z.strictObject({ action: z.literal('redeliver') }),
  z.strictObject({ action: z.literal('reject') }),
])

const PublicClaim = z
  .object({
    id: z.string(),
    orderId: z.string(),
    reason: z.string(),
    items: Items,
    photos: z.array(z.string()),
    status: statuses,
    amountCents: z.int().optional(),
    createdAt: z.string(),
    resolvedAt: z.string().optional(),
  })
  .meta({ id: 'Claim' })

/** Damaged or missing plants: customers claim. */
export function registerClaimRoutes(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.post(
    '/v1/orders/:id/claims',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'Claim damaged or missing plants',
        security: bearer,
        params: Id,
        body: ClaimBody,
        response: {
          201: PublicClaim,
          ...problems({ 404: 'order_not_found', 409: 'order_not_delivered', 422: 'claim_exceeds_order' }),
        },
      },
    },
    async (request, reply) => {
      const { id: customerId } = userOf(request)
      const order = await findOrderOf(ctx.db, customerId, request.params.id)
      if (order === null) throw notFound('order_not_found', `There is no order ${request.params.id}`)
      const { reason, items, photos = [] } = request.body
      assertClaimable(order, items)
      const claim = await insertClaim(ctx.db, {
        id: newId(),
        orderId: order.id,
        customerId,
        reason,
        items,
        photos,
      })
      if (claim === null)
        throw conflict('too_many_claims', `The order ${order.number} has too many claims already`)
      ctx.log.info({ event: 'claim_opened', claimId: claim.id, orderId: order.id }, 'claim opened')
      return reply.code(201).send(toPublicClaim(claim))
    },
  )
}

/** Ops reads the claims and decides. */
export function registerClaimDecisions(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.get(
    '/v1/claims',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Ops: claims'],
        summary: 'List claims, oldest first',
        security: bearer,
        querystring: z.strictObject({ ...PageQuery, status: statuses.optional() }),
        response: { 200: Page(PublicClaim) },
      },
    },
    async (request) => {
      const { limit, cursor, status } = request.query
      const found = await listClaims(ctx.db, {
        status: status ?? null,
        limit: limit + 1,
        afterId: idCursor(cursor),
      })
      const page = found.slice(0, limit)
      return {
        items: page.map(toPublicClaim),
        nextCursor: found.length > limit ? (page.at(-1)?.id ?? null) : null,
      }
    },
  )

  app.post(
    '/v1/claims/:id/resolve',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Ops: claims'],
        summary: 'Decide on a claim, once',
        security: bearer,
        params: Id,
        body: Resolution,
        response: {
          200: PublicClaim,
          ...problems({ 404: 'claim_not_found', 409: 'claim_already_resolved', 422: 'refund_exceeds_order' }),
        },
      },
    },
    async (request) =>
      toPublicClaim(
        await resolveClaim(ctx, request.params.id, { ...request.body, resolvedBy: userOf(request).id }),
      ),
  )
}
