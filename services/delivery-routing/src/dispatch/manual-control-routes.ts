import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { RouteView } from '../planning/plan.ts'
import { IdParams } from '../schemas.ts'
import { assignRoute } from './assign-route.ts'
import { moveStop } from './move-stop.ts'
import { reorderRoute } from './reorder-route.ts'
import { viewRouteById } from './route-view.ts'

const tags = ['Dispatch']

export function registerManualControl(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const conflicts = { 409: '`route_started`, `route_changed`', 404: '`route_not_found`' }

  app.post(
    '/v1/dispatch/routes/:id/assign',
    {
      onRequest,
      schema: {
        summary: 'Give a route to another driver',
        tags,
        security: bearer,
        params: IdParams,
        body: z.strictObject({ driverId: z.uuid() }),
        response: { 200: RouteView, ...problems({ ...conflicts, 422: '`driver_unknown`' }) },
      },
    },
    async ({ params: { id }, body }) => {
      await assignRoute(ctx, id, body.driverId)
      return viewRouteById(ctx, id)
    },
  )

  app.post(
    '/v1/dispatch/routes/:id/reorder',
    {
      onRequest,
      schema: {
        summary: 'Put the stops of a route into an order and pin them',
        tags,
        security: bearer,
        params: IdParams,
        body: z.strictObject({ stopIds: z.array(z.uuid()).min(1).max(500) }),
        response: { 200: RouteView, ...problems({ ...conflicts, 422: '`stop_set_mismatch`' }) },
      },
    },
    async ({ params: { id }, body }) => {
      await reorderRoute(ctx, id, body.stopIds)
      return viewRouteById(ctx, id)
    },
  )

  app.post(
    '/v1/dispatch/stops/:id/move',
    {
      onRequest,
      schema: {
        summary: 'Move a stop to a place of a route and pin it to that route',
        tags,
        security: bearer,
        params: IdParams,
        body: z.strictObject({
          routeId: z.uuid(),
          position: z.int().min(1).max(500).describe('From 1; the stops behind it move back'),
        }),
        response: {
          200: RouteView,
          ...problems({
            404: '`route_not_found`, `stop_not_found`',
            409: '`route_started`, `route_changed`, `vehicle_over_capacity`',
            422: '`position_out_of_range`, `route_of_other_day`',
          }),
        },
      },
    },
    async ({ params: { id }, body }) => viewRouteById(ctx, await moveStop(ctx, id, body)),
  )
}
