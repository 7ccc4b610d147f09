import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { notFound } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { NewPlan, Plan, PlanSnapshot, PlanSummary, RouteView } from '../planning/plan.ts'
import { findSnapshot } from '../planning/plan-results.ts'
import { findPlan, listPlans } from '../planning/plan-store.ts'
import { publishPlan } from '../planning/publish-plan.ts'
import { requestPlan } from '../planning/request-plan.ts'
import { IdParams, LocalDate, NoBody } from '../schemas.ts'
import { listRoutesOfDay } from './route-store.ts'
import { viewPlan, viewRoute } from './route-view.ts'

const tags = ['Dispatch']

export function registerPlanRoutes(app: App, ctx: Context): void {
  registerPlanning(app, ctx)
  registerHistory(app, ctx)
  registerPublishing(app, ctx)
  registerRoutesOfDay(app, ctx)
}

function registerPlanning(app: App, ctx: Context): void {
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
}

function registerHistory(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.get(
    '/v1/dispatch/plans',
    {
      onRequest,
      schema: {
        summary: 'The plans of a day',
        description: 'The newest first, drafts included.',
        tags,
        security: bearer,
        querystring: z.object({ ...PageQuery, hubId: z.uuid(), date: LocalDate }),
        response: { 200: Page(PlanSummary) },
      },
    },
    async ({ query: { limit, cursor, ...day } }) => {
      const page = { before: readCursor(cursor), limit: limit + 1 }
      const plans = await listPlans(ctx.db, { ...day, ...page })
      return toPage(
        plans.map(({ unassigned: _unassigned, ...plan }) => plan),
        limit,
      )
    },
  )

  app.get(
    '/v1/dispatch/plans/:id/snapshot',
    {
      onRequest,
      schema: {
        summary: 'The routes as this version of the plan left them',
        description: 'History: kept for 60 days, whatever came after it.',
        tags,
        security: bearer,
        params: IdParams,
        response: { 200: PlanSnapshot, ...problems({ 404: '`plan_not_found`, `snapshot_not_found`' }) },
      },
    },
    async ({ params: { id } }) => {
      const plan = await findPlan(ctx.db, id)
      if (plan === null) throw notFound('plan_not_found', `There is no plan ${id}`)
      const routes = await findSnapshot(ctx.db, id)
      if (routes === null) {
        throw notFound('snapshot_not_found', `The plan ${id} never was in force, or its history is over`)
      }
      const { version, publishedAt, unassigned } = plan
      return { id, version, publishedAt, unassigned, routes }
    },
  )
}

function registerPublishing(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/plans/:id/publish',
    {
      onRequest,
      schema: {
        summary: 'Put a draft in force',
        description: 'From then on drivers and customers see it. Publishing again changes nothing.',
        tags,
        security: bearer,
        params: IdParams,
        body: NoBody,
        response: {
          200: Plan,
          ...problems({ 404: '`plan_not_found`', 409: '`plan_not_done`, `plan_outdated`' }),
        },
      },
    },
    async ({ params: { id } }) => viewPlan(ctx, await publishPlan(ctx, id)),
  )
}

function registerRoutesOfDay(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
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
