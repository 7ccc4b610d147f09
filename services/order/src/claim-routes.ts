import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import {
  assertClaimable,
  type Claim,
  claimedAlready,
  claimOrigins,
  claimStatuses,
  toPublicClaim,
} from './claim.ts'
import { PublicClaimPhoto } from './claim-photo-routes.ts'
import { photosOfClaims } from './claim-photo-store.ts'
import { insertClaim, listClaims, listClaimsOf } from './claim-store.ts'
import type { OrderContext } from './context.ts'
import { idCursor } from './order-routes.ts'
import { DeliveryWindow, Items } from './order-schemas.ts'
import { findOrderOf } from './order-store.ts'
import { resolveClaim } from './resolve-claim.ts'

const Id = z.object({ id: z.uuid() })
const statuses = z.enum(claimStatuses)

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
  z.strictObject({
    action: z.literal('redeliver'),
    deliveryWindow: DeliveryWindow.optional().describe(
      'By default the customer’s own time of day on the next day that has room',
    ),
  }),
  z.strictObject({ action: z.literal('reject') }),
])

const PublicClaim = z
  .object({
    id: z.string(),
    orderId: z.string(),
    origin: z.enum(claimOrigins).describe('`driver`: opened by itself for what was not handed over'),
    reason: z.string(),
    items: z
      .array(z.object({ productId: z.string(), quantity: z.int() }))
      .describe('Empty where the driver did not say which plants are missing'),
    photos: z.array(z.string()).describe('Links or data URLs, as the customer gave them'),
    uploads: z.array(PublicClaimPhoto).describe('Photos that were added to the claim'),
    status: statuses,
    amountCents: z.int().optional(),
    replacementOrderId: z.string().optional().describe('The order that makes it good, for nothing'),
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
          ...problems({
            404: 'order_not_found',
            409: 'order_not_delivered, plants_claimed_already, too_many_claims',
            422: 'claim_exceeds_order',
          }),
        },
      },
    },
    async (request, reply) => {
      const { id: customerId } = userOf(request)
      const order = await findOrderOf(ctx.db, customerId, request.params.id)
      if (order === null) throw notFound('order_not_found', `There is no order ${request.params.id}`)
      const { reason, items, photos = [] } = request.body
      assertClaimable(order, items)
      const given = { id: newId(), orderId: order.id, customerId, reason, items, photos }
      const claim = await ctx.db.transaction((tx) => insertClaim(tx, given))
      if (claim === 'too_many')
        throw conflict('too_many_claims', `The order ${order.number} has too many claims already`)
      if (claim === 'claimed_already') throw claimedAlready(order)
      ctx.log.info({ event: 'claim_opened', claimId: claim.id, orderId: order.id }, 'claim opened')
      return reply.code(201).send(toPublicClaim(claim, []))
    },
  )
}

/** Customers see what became of their claims. */
export function registerOwnClaims(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.get(
    '/v1/orders/:id/claims',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'The claims on one of your orders',
        security: bearer,
        params: Id,
        response: { 200: z.object({ items: z.array(PublicClaim) }), ...problems({ 404: 'order_not_found' }) },
      },
    },
    async (request) => {
      const order = await findOrderOf(ctx.db, userOf(request).id, request.params.id)
      if (order === null) throw notFound('order_not_found', `There is no order ${request.params.id}`)
      return { items: await view(ctx, await listClaimsOf(ctx.db, order.id)) }
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
        items: await view(ctx, page),
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
          ...problems({
            404: 'claim_not_found',
            409: 'claim_already_resolved; plants_made_good; out_of_stock, window_unavailable: the claim is open again',
            422: 'refund_exceeds_order, product_unavailable, claim_items_unknown',
          }),
        },
      },
    },
    async (request) => {
      const resolution = { ...request.body, resolvedBy: userOf(request).id }
      const [claim] = await view(ctx, [await resolveClaim(ctx, request.params.id, resolution)])
      if (claim === undefined) throw new Error('A claim that was decided is gone')
      return claim
    },
  )
}

/** Claims with their photos. */
async function view(ctx: OrderContext, claims: readonly Claim[]) {
  const photos = await photosOfClaims(
    ctx.db,
    claims.map(({ id }) => id),
  )
  return claims.map((claim) => toPublicClaim(claim, photos.get(claim.id) ?? []))
}
