import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { NewShift, Shift } from './shift.ts'
import { insertShift, listShifts } from './shift-store.ts'

export function registerShiftRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.get(
    '/v1/shifts',
    {
      onRequest,
      schema: {
        summary: 'List the shifts',
        tags: ['Fleet'],
        security: bearer,
        querystring: z.object({ ...PageQuery, hubId: z.uuid().optional(), driverId: z.uuid().optional() }),
        response: { 200: Page(Shift) },
      },
    },
    async ({ query: { hubId, driverId, cursor, limit } }) => {
      const filter = { hubId, driverId, after: readCursor(cursor), limit: limit + 1 }
      return toPage(await listShifts(ctx.db, filter), limit)
    },
  )

  app.post(
    '/v1/shifts',
    {
      onRequest,
      schema: {
        summary: 'Give a driver a vehicle for a time',
        description: '409 `driver_busy` or `vehicle_busy` where either has a shift that overlaps.',
        tags: ['Fleet'],
        security: bearer,
        body: NewShift,
        response: {
          201: Shift,
          ...problems({
            409: '`driver_busy`, `vehicle_busy`',
            422: '`driver_unknown`, `vehicle_unknown`, `hub_unknown`',
          }),
        },
      },
    },
    async (request, reply) => {
      const { start, end, ...given } = request.body
      const shift = {
        id: newId(),
        ...given,
        start: new Date(start).toISOString(),
        end: new Date(end).toISOString(),
      }
      await insertShift(ctx.db, shift)
      return reply.code(201).send(shift)
    },
  )
}
