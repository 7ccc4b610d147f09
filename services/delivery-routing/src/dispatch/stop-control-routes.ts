import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { RouteView } from '../planning/plan.ts'
import { IdParams } from '../schemas.ts'
import { Force, FromVersion, seenVersion, Version, VersionHeader } from './manner.ts'
import { moveStop } from './move-stop.ts'
import { placeDelivery } from './place-delivery.ts'
import { viewRouteById } from './route-view.ts'

const shared = { tags: ['Dispatch'], security: bearer, params: IdParams, headers: VersionHeader }
const Target = z.strictObject({
  routeId: z.uuid(),
  position: z.int().min(1).max(500).describe('From 1; the stops behind it move back'),
  version: Version,
  force: Force,
})
const refusals = {
  409: '`route_started`, `route_changed` with the route as it is now, `vehicle_over_capacity`',
  422: '`position_out_of_range`, `route_of_other_day`, `route_infeasible` with the stops and the reasons',
}

/** Changes of single stops. The version is that of the route that takes the stop. */
export function registerStopControl(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.post(
    '/v1/dispatch/stops/:id/move',
    {
      onRequest,
      schema: {
        summary: 'Move a stop to a place of a route and pin it to that route',
        ...shared,
        body: Target.extend({ fromVersion: FromVersion }),
        response: {
          200: RouteView,
          ...problems({ 404: '`route_not_found`, `stop_not_found`', ...refusals }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      const target = { ...body, version: seenVersion(headers, body) }
      return viewRouteById(ctx, await moveStop(ctx, id, target))
    },
  )

  app.post(
    '/v1/dispatch/deliveries/:id/place',
    {
      onRequest,
      schema: {
        summary: 'Put a delivery that has no place onto a route and pin it there',
        description: 'The id is that of the order.',
        ...shared,
        body: Target,
        response: {
          200: RouteView,
          ...problems({
            404: '`route_not_found`, `delivery_not_found`',
            409: `${refusals[409]}, \`delivery_not_plannable\``,
            422: refusals[422],
          }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      const target = { ...body, version: seenVersion(headers, body) }
      return viewRouteById(ctx, await placeDelivery(ctx, id, target))
    },
  )
}
