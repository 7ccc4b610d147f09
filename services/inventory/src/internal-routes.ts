import {
  ProductLookup,
  ProductLookupAnswer,
  ReservationAnswer,
  ReserveStock,
} from '@urbanbloom/contracts/inventory'
import { receiveEvents } from '@urbanbloom/service-kit/events'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { InventoryContext } from './context.ts'
import { putBackStock, releaseStock, shipStock } from './end-reservation.ts'
import { lookUpProducts } from './product-store.ts'
import { forgetProductJob } from './repair-pages.ts'
import { reserveStock } from './reserve-stock.ts'

const OrderId = z.object({ orderId: z.uuid() })

/** What the other services call. Nothing here reads a cache. */
export function registerInternalRoutes(app: App, ctx: InventoryContext): void {
  app.post(
    '/internal/products/lookup',
    { schema: { hide: true, body: ProductLookup, response: { 200: ProductLookupAnswer } } },
    async (request) => ({ products: await lookUpProducts(ctx.db, request.body.productIds) }),
  )

  app.post(
    '/internal/reservations',
    { schema: { hide: true, body: ReserveStock, response: { 200: ReservationAnswer } } },
    async (request) => reserveStock(ctx, request.body),
  )

  app.post(
    '/internal/reservations/:orderId/release',
    {
      schema: {
        hide: true,
        params: OrderId,
        body: z.strictObject({}).nullish(),
        response: { 200: ReservationAnswer },
      },
    },
    async (request) => releaseStock(ctx, request.params.orderId),
  )

  receiveEvents(app, ctx.db, {
    'delivery.out_for_delivery': async (tx, { orderId }) => {
      if (await shipStock(tx, orderId)) ctx.metrics.reservation('shipped')
    },
    'delivery.returned': async (tx, { orderId, lines }) => {
      const moved = await putBackStock(tx, orderId, lines ?? null)
      if (moved === null) return
      ctx.metrics.reservation('returned')
      for (const { productId } of moved) await forgetProductJob(tx, ctx.jobs, productId)
    },
  })
}
