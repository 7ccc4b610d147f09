import { notFound } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Plan, RouteView } from '../planning/plan.ts'
import { IdParams, Moment } from '../schemas.ts'
import { assignRoute } from './assign-route.ts'
import { breakDown, takeOverRoute } from './break-down.ts'
import { Force, FromVersion, seenVersion, Version, VersionHeader } from './manner.ts'
import { pinStop, unpinRoute } from './pin-stops.ts'
import { reorderRoute } from './reorder-route.ts'
import { findRoute } from './route-store.ts'
import { viewPlan, viewRoute, viewRouteById } from './route-view.ts'
import { mergeRoute, splitRoute } from './split-route.ts'

const conflicts = {
  409: '`route_started`, `route_changed` with the route as it is now',
  404: '`route_not_found`',
}
const impossible = '`route_infeasible` with the stops and the reasons'
const shared = { tags: ['Dispatch'], security: bearer, params: IdParams }

/** Changes of whole routes. Each takes the version that the person has seen, in `If-Match` or in the body. */
export function registerRouteControl(app: App, ctx: Context): void {
  registerOneRoute(app, ctx)
  registerAssignment(app, ctx)
  registerOrder(app, ctx)
  registerPins(app, ctx)
}

function registerOneRoute(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.get(
    '/v1/dispatch/routes/:id',
    {
      onRequest,
      schema: {
        summary: 'One route, with its version as the `ETag`',
        ...shared,
        response: { 200: RouteView, ...problems({ 404: '`route_not_found`' }) },
      },
    },
    async ({ params: { id } }, reply) => {
      const route = await findRoute(ctx.db, id)
      if (route === null || route.status === 'superseded') {
        throw notFound('route_not_found', `There is no route ${id}`)
      }
      return reply.header('etag', `"${route.version}"`).send(viewRoute(route))
    },
  )
}

function registerAssignment(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/assign',
    {
      onRequest,
      schema: {
        summary: 'Give a route to another driver',
        description:
          'Who can do what its plants need. A driver may hold several routes, and drives one at a time.',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({ driverId: z.uuid(), version: Version, force: Force }),
        response: {
          200: RouteView,
          ...problems({
            404: conflicts[404],
            409: conflicts[409],
            422: `\`driver_unknown\`, ${impossible}`,
          }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      await assignRoute(ctx, id, { ...body, version: seenVersion(headers, body) })
      return viewRouteById(ctx, id)
    },
  )
}

function registerOrder(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/reorder',
    {
      onRequest,
      schema: {
        summary: 'Put the stops of a route into an order and pin them',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({
          stopIds: z.array(z.uuid()).min(1).max(500),
          version: Version,
          force: Force,
        }),
        response: {
          200: RouteView,
          ...problems({ ...conflicts, 422: `\`stop_set_mismatch\`, ${impossible}` }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      await reorderRoute(ctx, id, { ...body, version: seenVersion(headers, body) })
      return viewRouteById(ctx, id)
    },
  )
}

function registerPins(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/unpin',
    {
      onRequest,
      schema: {
        summary: 'Let go of all that people settled about a route',
        description: 'Its stops and the choice of its driver; the next plan may change them.',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({ version: Version }).nullish(),
        response: { 200: RouteView, ...problems(conflicts) },
      },
    },
    async ({ params: { id }, body, headers }) => {
      await unpinRoute(ctx, id, seenVersion(headers, body ?? {}))
      return viewRouteById(ctx, id)
    },
  )

  app.post(
    '/v1/dispatch/stops/:id/pin',
    {
      onRequest,
      schema: {
        summary: 'Keep a stop where it is, or let go of it',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({
          pin: z
            .enum(['route', 'place'])
            .nullable()
            .describe('`route`: on its route; `place`: also at its place at the head of it; null: nowhere'),
          version: Version,
        }),
        response: { 200: RouteView, ...problems({ ...conflicts, 404: '`stop_not_found`' }) },
      },
    },
    async ({ params: { id }, body, headers }) => {
      const pin = { pin: body.pin, version: seenVersion(headers, body) }
      return viewRouteById(ctx, await pinStop(ctx, id, pin))
    },
  )
}

/** Routes that become two, or one, or change hands on the way. */
export function registerRouteSurgery(app: App, ctx: Context): void {
  registerSplit(app, ctx)
  registerMerge(app, ctx)
  registerBreakDown(app, ctx)
  registerTakeOver(app, ctx)
}

function registerSplit(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/split',
    {
      onRequest,
      schema: {
        summary: 'Give some stops of a route to another shift',
        description: 'In the order given; they are pinned there. The answer is the new route.',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({
          stopIds: z.array(z.uuid()).min(1).max(500),
          shiftId: z.uuid(),
          version: Version,
          force: Force,
        }),
        response: {
          200: RouteView,
          ...problems({
            404: conflicts[404],
            409: `${conflicts[409]}, \`shift_has_route\`, \`vehicle_over_capacity\``,
            422: `\`stop_set_mismatch\`, \`nothing_left\`, \`shift_unknown\`, ${impossible}`,
          }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      return viewRouteById(ctx, await splitRoute(ctx, id, { ...body, version: seenVersion(headers, body) }))
    },
  )
}

function registerMerge(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/merge',
    {
      onRequest,
      schema: {
        summary: 'Put all stops of a route onto another one',
        description:
          'The version is that of the route that takes them, which is the answer; the other is gone.',
        ...shared,
        headers: VersionHeader,
        body: z.strictObject({
          intoRouteId: z.uuid(),
          version: Version,
          fromVersion: FromVersion,
          force: Force,
        }),
        response: {
          200: RouteView,
          ...problems({
            404: conflicts[404],
            409: `${conflicts[409]}, \`vehicle_over_capacity\``,
            422: `\`same_route\`, \`route_of_other_day\`, ${impossible}`,
          }),
        },
      },
    },
    async ({ params: { id }, body, headers }) => {
      return viewRouteById(ctx, await mergeRoute(ctx, id, { ...body, version: seenVersion(headers, body) }))
    },
  )
}

function registerBreakDown(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/break-down',
    {
      onRequest,
      schema: {
        summary: 'The van or its driver is out of service',
        description:
          'Its shift ends now. What is on board comes back to the hub, by `readyAt` or an estimate, and what can ' +
          'still be in time goes to others with the plan in the answer; the rest is in its `unassigned`.',
        ...shared,
        body: z.strictObject({
          reason: z.string().trim().min(1).max(200),
          readyAt: Moment.optional().describe('When the parcels on board can be loaded again at the hub'),
        }),
        response: {
          202: Plan,
          ...problems({ 404: '`route_not_found`', 409: '`route_ended`, `route_changed`' }),
        },
      },
    },
    async ({ params: { id }, body: { reason, readyAt } }, reply) => {
      const plan = await breakDown(ctx, id, {
        reason,
        readyAt: readyAt === undefined ? undefined : new Date(readyAt),
      })
      return reply.code(202).send(await viewPlan(ctx, plan))
    },
  )
}

function registerTakeOver(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  app.post(
    '/v1/dispatch/routes/:id/take-over',
    {
      onRequest,
      schema: {
        summary: 'Another driver goes on with a route under way',
        description: 'With the same van, or with another one that meets it and takes everything on board.',
        ...shared,
        body: z.strictObject({
          driverId: z.uuid(),
          vehicleId: z.uuid().optional(),
          delayMinutes: z.int().min(0).max(600).default(0).describe('How much later the rest is by it'),
        }),
        response: {
          200: RouteView,
          ...problems({
            404: '`route_not_found`',
            409: '`route_not_started`, `route_ended`, `route_changed`, `driver_busy`, `vehicle_over_capacity`',
            422: '`driver_unknown`, `vehicle_unknown`',
          }),
        },
      },
    },
    async ({ params: { id }, body }) => {
      await takeOverRoute(ctx, id, body)
      return viewRouteById(ctx, id)
    },
  )
}
