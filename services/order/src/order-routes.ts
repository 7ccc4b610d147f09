import { OrderOutcomes, OrderOutcomesAnswer } from '@urbanbloom/contracts/inventory'
import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { PaymentActionOutcome } from '@urbanbloom/contracts/payment'
import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { invalid, notFound } from '@urbanbloom/service-kit/errors'
import { bearer } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { cancelForCustomer } from './cancel-order.ts'
import type { OrderContext } from './context.ts'
import { toPublicOrder } from './order.ts'
import { OrderAnswer, PublicOrder } from './order-schemas.ts'
import { findOrder, findOrderOf, listOrdersOf } from './order-store.ts'
import { outcomesOf } from './saga-store.ts'
import { settlePayment } from './settle-payment.ts'

const Id = z.object({ id: z.uuid() })

/** Reading orders, under `/v1/orders`. */
export function registerOrderRoutes(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.get(
    '/v1/orders',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'List your orders, newest first',
        security: bearer,
        querystring: z.strictObject(PageQuery),
        response: { 200: Page(PublicOrder) },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const found = await listOrdersOf(ctx.db, userOf(request).id, {
        limit: limit + 1,
        beforeId: idCursor(cursor),
      })
      const page = found.slice(0, limit)
      return {
        items: page.map(toPublicOrder),
        nextCursor: found.length > limit ? (page.at(-1)?.id ?? null) : null,
      }
    },
  )

  app.get(
    '/v1/orders/:id',
    {
      onRequest: auth.require('customer', 'ops'),
      schema: {
        tags: ['Orders'],
        summary: 'Read one of your orders',
        security: bearer,
        params: Id,
        response: { 200: PublicOrder },
      },
    },
    async (request) => {
      const { id, role } = userOf(request)
      const order =
        role === 'ops'
          ? await findOrder(ctx.db, request.params.id)
          : await findOrderOf(ctx.db, id, request.params.id)
      if (order === null) throw notFound('order_not_found', `There is no order ${request.params.id}`)
      return toPublicOrder(order)
    },
  )
}

/** What a customer may still do with an order, and what the other services ask about one. */
export function registerOrderActions(app: App, ctx: OrderContext, auth: Authenticator): void {
  app.post(
    '/v1/orders/:id/cancel',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'Cancel before a van has loaded it; refund included',
        security: bearer,
        params: Id,
        body: z.strictObject({}).nullish(),
        response: { 200: PublicOrder },
      },
    },
    async (request) => toPublicOrder(await cancelForCustomer(ctx, userOf(request).id, request.params.id)),
  )

  app.post(
    '/v1/orders/:id/payment-action',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'Play the bank for a 3-D Secure payment (sandbox only)',
        security: bearer,
        params: Id,
        body: PaymentActionOutcome,
        response: { 200: OrderAnswer },
      },
    },
    async (request) => {
      const order = await findOrderOf(ctx.db, userOf(request).id, request.params.id)
      if (order === null) throw notFound('order_not_found', `There is no order ${request.params.id}`)
      const payment = await ctx.participants.actOnPayment(order.id, request.body.outcome)
      if (order.sagaStep === 'awaiting_payment') await settlePayment(ctx, order, payment)
      return { order: toPublicOrder((await findOrder(ctx.db, order.id)) ?? order) }
    },
  )

  app.post(
    '/internal/orders/outcomes',
    { schema: { hide: true, body: OrderOutcomes, response: { 200: OrderOutcomesAnswer } } },
    async (request) => ({ outcomes: await outcomesOf(ctx.db, request.body.orderIds) }),
  )
}

/** Lists of orders and claims are paged by id, which ascends in time. */
export function idCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  if (!z.uuid().safeParse(cursor).success)
    throw invalid('cursor_invalid', 'The cursor is not one that a list has answered')
  return cursor
}
