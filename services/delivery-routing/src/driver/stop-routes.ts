import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { IdParams, NoBody } from '../schemas.ts'
import { Positions, PositionsAnswer, recordPositions } from './positions.ts'
import { reportStop } from './report-stop.ts'
import { FailureReason, Proof, StopAnswer } from './stop-report.ts'
import { Sync, SyncAnswer, syncDriver } from './sync.ts'

const tags = ['Driver']

export function registerStopRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('driver')
  const response = {
    200: StopAnswer,
    ...problems({ 404: '`stop_not_found`', 409: '`route_not_started`, `stop_outcome_conflict`' }),
  }
  const secured = { tags, security: bearer, params: IdParams, response }

  app.post(
    '/v1/driver/stops/:id/arrive',
    { onRequest, schema: { summary: 'Arrive at a stop', ...secured, body: NoBody } },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      return reportStop(ctx, target, { type: 'arrive', occurredAt: ctx.now() })
    },
  )

  app.post(
    '/v1/driver/stops/:id/deliver',
    {
      onRequest,
      schema: {
        summary: 'Deliver, with a proof',
        description: 'The same outcome again answers as the first time; another one is 409.',
        ...secured,
        body: z.strictObject({ proof: Proof }),
      },
    },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      const { proof } = request.body
      return reportStop(ctx, target, { type: 'deliver', occurredAt: ctx.now(), proof })
    },
  )

  app.post(
    '/v1/driver/stops/:id/fail',
    {
      onRequest,
      schema: {
        summary: 'Give up a stop, with the reason',
        ...secured,
        body: z.strictObject({ reason: FailureReason }),
      },
    },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      const { reason } = request.body
      return reportStop(ctx, target, { type: 'fail', occurredAt: ctx.now(), reason })
    },
  )
}

export function registerSyncRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('driver')

  app.post(
    '/v1/driver/positions',
    {
      onRequest,
      schema: {
        summary: 'Send positions',
        description: 'Positions that cannot be true (vague, old, from the future) are counted and ignored.',
        tags,
        security: bearer,
        body: z.strictObject({ positions: Positions.min(1) }),
        response: { 202: PositionsAnswer },
      },
    },
    async (request, reply) =>
      reply.code(202).send(await recordPositions(ctx, userOf(request).id, request.body.positions)),
  )

  app.post(
    '/v1/driver/sync',
    {
      onRequest,
      schema: {
        summary: 'Send what was recorded without signal',
        description:
          'Safe to send again: an event is known by its `clientEventId` and keeps its first result.',
        tags,
        security: bearer,
        body: Sync,
        response: { 200: SyncAnswer },
      },
    },
    async (request) => syncDriver(ctx, userOf(request).id, request.body),
  )
}
