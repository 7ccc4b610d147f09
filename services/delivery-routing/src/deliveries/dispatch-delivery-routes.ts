import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { retryToday } from '../dispatch/retry-today.ts'
import { readCursor, toPage } from '../page.ts'
import { IdParams, Moment, NoBody } from '../schemas.ts'
import { windowAt } from '../windows/find-windows.ts'
import { giveUpDelivery, receiveParcels, rescheduleDelivery } from './decide-failure.ts'
import { DeliveryView, findDelivery, listDeliveries } from './delivery-view.ts'
import { holdBack, letGo } from './hold-back.ts'

const shared = { tags: ['Dispatch'], security: bearer, params: IdParams }
const about = 'The id is that of the order.'
const unknown = { 404: '`delivery_not_found`' }
const Reason = z.string().trim().min(1).max(200)

const Decide = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('retry_today'), reason: Reason.optional() }),
  z.strictObject({
    action: z.literal('retry_window'),
    windowStart: Moment.describe('The start of a window that the hub offers'),
    reason: Reason.optional(),
  }),
  z.strictObject({ action: z.literal('return'), reason: Reason.optional() }),
])

/** What dispatchers decide about single deliveries. */
export function registerDispatchDeliveryRoutes(app: App, ctx: Context): void {
  registerList(app, ctx)
  registerDecision(app, ctx)
  registerReturn(app, ctx)
  registerHolding(app, ctx)
}

function registerList(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.get(
    '/v1/dispatch/deliveries',
    {
      onRequest,
      schema: {
        summary: 'Deliveries by state',
        description:
          '`failed`: nobody has decided yet; `returning`: on the way to the hub; `held_back`: by a dispatcher; ' +
          '`unplanned`: confirmed, and on no route; `in_part`: delivered without parcels that are on the way to the hub; ' +
          '`delivered`: all that were, with how they were handed over.',
        tags: shared.tags,
        security: bearer,
        querystring: z.object({
          ...PageQuery,
          hubId: z.uuid(),
          state: z.enum([
            'failed',
            'returning',
            'returned',
            'held_back',
            'unplanned',
            'in_part',
            'delivered',
          ]),
        }),
        response: { 200: Page(DeliveryView) },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const page = { after: readCursor(cursor), limit: limit + 1 }
      return toPage(await listDeliveries(ctx.db, { ...filter, ...page }), limit)
    },
  )
}

function registerDecision(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/deliveries/:id/decide',
    {
      onRequest,
      schema: {
        summary: 'Decide what comes after a failed delivery',
        description:
          `${about} \`retry_today\`: once more on the same route, as the van has the parcels; \`retry_window\`: in ` +
          'another window, planned once the parcels are back at the hub, and also for a confirmed delivery that ' +
          'found no place; `return`: given up. Who decides nothing within the configured time leaves it to the rule.',
        ...shared,
        body: Decide,
        response: {
          200: DeliveryView,
          ...problems({
            ...unknown,
            409: '`delivery_not_decidable`, `window_unavailable`, `route_ended`, `another_route_started`',
            422: '`not_back_in_time`',
          }),
        },
      },
    },
    async (request) => {
      const { id: orderId } = request.params
      const { body } = request
      const decision = {
        orderId,
        decidedBy: userOf(request).id,
        reason: body.reason ?? 'Decided by a dispatcher',
      }
      if (body.action === 'retry_today') await retryToday(ctx, decision)
      else if (body.action === 'return') await giveUpDelivery(ctx, decision)
      else {
        const { hubId } = await findDelivery(ctx.db, orderId)
        const window = await windowAt(ctx, hubId, new Date(body.windowStart))
        await rescheduleDelivery(ctx, decision, { window, hubId })
      }
      return findDelivery(ctx.db, orderId)
    },
  )
}

function registerReturn(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/deliveries/:id/received',
    {
      onRequest,
      schema: {
        summary: 'The parcels are at the hub again',
        description:
          `${about} What was given up goes back into stock: all of it, or the lines named here, where some plants ` +
          'did not survive. What gets another try can be loaded from now on. What a driver kept of a delivery goes ' +
          'back into stock, as the driver named it or as it is named here.',
        ...shared,
        body: z
          .strictObject({
            lines: z
              .array(z.strictObject({ productId: z.uuid(), quantity: z.int().min(1).max(1_000) }))
              .max(100)
              .optional(),
          })
          .nullish(),
        response: {
          200: DeliveryView,
          ...problems({ ...unknown, 409: '`delivery_not_decidable`', 422: '`returned_lines_needed`' }),
        },
      },
    },
    async ({ params: { id }, body }) => {
      await receiveParcels(ctx, id, body?.lines)
      return findDelivery(ctx.db, id)
    },
  )
}

function registerHolding(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/deliveries/:id/hold',
    {
      onRequest,
      schema: {
        summary: 'Keep a delivery out of plans',
        description: `${about} A planned stop leaves its route.`,
        ...shared,
        body: z.strictObject({ reason: Reason }),
        response: { 200: DeliveryView, ...problems({ ...unknown, 409: '`delivery_not_plannable`' }) },
      },
    },
    async ({ params: { id }, body }) => {
      await holdBack(ctx, id, body.reason)
      return findDelivery(ctx.db, id)
    },
  )

  app.post(
    '/v1/dispatch/deliveries/:id/let-go',
    {
      onRequest,
      schema: {
        summary: 'Let plans have a delivery again',
        description: `${about} Where its day is under way it gets a place at once.`,
        ...shared,
        body: NoBody,
        response: { 200: DeliveryView, ...problems({ ...unknown, 409: '`delivery_not_plannable`' }) },
      },
    },
    async ({ params: { id } }) => {
      await letGo(ctx, id)
      return findDelivery(ctx.db, id)
    },
  )
}
