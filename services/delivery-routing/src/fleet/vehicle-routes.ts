import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { NewVehicle, Vehicle } from './vehicle.ts'
import { insertVehicle, listVehicles } from './vehicle-store.ts'

export function registerVehicleRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.get(
    '/v1/vehicles',
    {
      onRequest,
      schema: {
        summary: 'List the vehicles',
        tags: ['Fleet'],
        security: bearer,
        querystring: z.object({ ...PageQuery, hubId: z.uuid().optional() }),
        response: { 200: Page(Vehicle) },
      },
    },
    async ({ query: { hubId, cursor, limit } }) =>
      toPage(await listVehicles(ctx.db, { hubId, after: readCursor(cursor), limit: limit + 1 }), limit),
  )

  app.post(
    '/v1/vehicles',
    {
      onRequest,
      schema: {
        summary: 'Add a vehicle to a hub',
        tags: ['Fleet'],
        security: bearer,
        body: NewVehicle,
        response: { 201: Vehicle, ...problems({ 422: '`hub_unknown`' }) },
      },
    },
    async (request, reply) => {
      const vehicle = { id: newId(), ...request.body }
      await insertVehicle(ctx.db, vehicle)
      return reply.code(201).send(vehicle)
    },
  )
}
