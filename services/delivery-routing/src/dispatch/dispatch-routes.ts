import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { notFound } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { NewPlan, Plan, RouteView } from '../planning/plan.ts'
import { findPlan } from '../planning/plan-store.ts'
import { requestPlan } from '../planning/request-plan.ts'
import { IdParams, LocalDate } from '../schemas.ts'
import { assignRoute } from './assign-route.ts'
import { moveStop } from './move-stop.ts'
import { reorderRoute } from './reorder-route.ts'
import { listRoutesOfDay } from './route-store.ts'
import { viewPlan, viewRoute, viewRouteById } from './route-view.ts'

const tags = ['Dispatch']

export function registerPlanRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.post(
    '/v1/dispatch/plans',
    {
      onRequest,
      schema: {
        summary: 'Plan or re-plan a day',
        description:
          'Queues the plan and answers at once; follow it with `GET /v1/dispatch/plans/{id}`. Routes that are ' +
          'under way and what a person pinned stay. Asking again while it is queued answers the same plan.',
        tags,
        security: bearer,
        body: NewPlan,
        response: { 202: Plan, ...problems({ 409: '`plan_busy`', 422: '`hub_unknown`, `date_passed`' }) },
      },
    },
    async (request, reply) => {
      const plan = await requestPlan(ctx, { ...request.body, requestedBy: userOf(request).id })
      return reply.code(202).send(await viewPlan(ctx, plan))
    },
  )

  app.get(
    '/v1/dispatch/plans/:id',
    {
      onRequest,
      schema: {
        summary: 'Follow a plan',
        tags,
        security: bearer,
        params: IdParams,
        response: { 200: Plan, ...problems({ 404: '`plan_not_found`' }) },
      },
    },
    async ({ params: { id } }) => {
      const plan = await findPlan(ctx.db, id)
      if (plan === null) throw notFound('plan_not_found', `There is no plan ${id}`)
      return viewPlan(ctx, plan)
    },
  )

  app.get(
    '/v1/dispatch/routes',
    {
      onRequest,
      schema: {
        summary: 'The routes of a day',
        tags,
        security: bearer,
        querystring: z.object({
          ...PageQuery,
          limit: PageQuery.limit.default(100),
          date: LocalDate,
          hubId: z.uuid().optional(),
        }),
        response: { 200: Page(RouteView) },
      },
    },
    async ({ query: { limit, cursor, ...day } }) => {
      const page = { after: readCursor(cursor), limit: limit + 1 }
      return toPage((await listRoutesOfDay(ctx.db, { ...day, ...page })).map(viewRoute), limit)
    },
  )
}

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
