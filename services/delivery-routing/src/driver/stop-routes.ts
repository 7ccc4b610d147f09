import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Positions } from '../positions/fix.ts'
import { PositionsAnswer, recordPositions } from '../positions/positions.ts'
import { IdParams, NoBody } from '../schemas.ts'
import { FailureNote, FailureReason } from './failure-reason.ts'
import { Handover } from './proof.ts'
import { reportStop } from './report-stop.ts'
import { StopAnswer } from './stop-report.ts'
import { SentAt, Sync, SyncAnswer, syncDriver } from './sync.ts'

const tags = ['Driver']

export function registerStopRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('driver')
  const response = {
    200: StopAnswer,
    ...problems({
      404: '`stop_not_found`',
      409: '`route_not_started`, `route_changed`, `stop_outcome_conflict`',
    }),
  }
  const deliverResponse = {
    ...response,
    ...problems({
      409:
        '`route_not_started`, `route_changed`, `stop_outcome_conflict`, `leave_at_door_not_allowed`, ' +
        '`code_required`, `code_locked`, `too_many_proof_files`',
      413: '`picture_too_large`, `body_too_large`',
      415: '`image_expected`',
      503: '`object_store_unavailable`',
      422: '`code_wrong`, `proof_file_unknown`, `nothing_delivered`',
    }),
  }
  const secured = { tags, security: bearer, params: IdParams, response }

  app.post(
    '/v1/driver/stops/:id/arrive',
    { onRequest, schema: { summary: 'Arrive at a stop', ...secured, body: NoBody } },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      return reportStop(ctx, target, { type: 'arrive' })
    },
  )

  app.post(
    '/v1/driver/stops/:id/deliver',
    {
      onRequest,
      schema: {
        summary: 'Deliver, with a proof',
        description:
          'The same outcome again answers as the first time; another one is 409. A code counts as `verified` when it is ' +
          'the one that the customer was shown; where the customer requires it, nothing else is taken. Where the value ' +
          'of the order requires it (`codeWaivable`), a delivery without it takes a `codeReason`, which is kept.',
        ...secured,
        response: deliverResponse,
        body: z.strictObject(Handover),
      },
    },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      return reportStop(ctx, target, { type: 'deliver', ...request.body })
    },
  )

  app.post(
    '/v1/driver/stops/:id/fail',
    {
      onRequest,
      schema: {
        summary: 'Give up a stop, with the reason',
        ...secured,
        body: z.strictObject({ reason: FailureReason, note: FailureNote.optional() }),
      },
    },
    async (request) => {
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      return reportStop(ctx, target, { type: 'fail', ...request.body })
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
        description:
          'Positions that cannot be true (vague, old, from the future, sent before, too fast to drive) are counted and ignored.',
        tags,
        security: bearer,
        body: z.strictObject({ positions: Positions.min(1), sentAt: SentAt }),
        response: { 202: PositionsAnswer },
      },
    },
    async (request, reply) => {
      const { positions, sentAt } = request.body
      const moment = sentAt === undefined ? null : new Date(sentAt)
      return reply.code(202).send(await recordPositions(ctx, userOf(request).id, positions, moment))
    },
  )

  app.post(
    '/v1/driver/sync',
    {
      onRequest,
      schema: {
        summary: 'Send what was recorded without signal',
        description:
          'Safe to send again, in any order and from several phones: what follows depends on the set of all events alone. A ' +
          'delivery outdoes a failed try; of the same outcome the one that occurred first counts. Send pictures before. ' +
          'What was done before somebody took the route over or the van broke down counts, as long as the order is open.',
        tags,
        security: bearer,
        body: Sync,
        response: { 200: SyncAnswer },
      },
    },
    async (request) => syncDriver(ctx, userOf(request).id, request.body),
  )
}
