import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { bearer } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { type Place, withLivePlaces } from '../positions/live-position.ts'

const DriverLocation = z.object({
  driverId: z.uuid(),
  name: z.string(),
  routeId: z.uuid().nullable().describe('The route under way'),
  latitude: z.number(),
  longitude: z.number(),
  accuracyMeters: z.number(),
  speedMps: z.number().nullable(),
  headingDegrees: z.number().nullable(),
  recordedAt: z.iso.datetime().describe('By the clock of the phone'),
  receivedAt: z.iso.datetime().describe('By ours'),
})

type Located = Place & { driverId: string; name: string; routeId: string | null }

export function registerDriverLocationRoutes(app: App, ctx: Context): void {
  app.get(
    '/v1/drivers/locations',
    {
      onRequest: ctx.auth.require('ops'),
      schema: {
        summary: 'Where each driver was last',
        description: 'The live positions; what is kept of them while Redis is away.',
        tags: ['Fleet'],
        security: bearer,
        querystring: z.object({ ...PageQuery, limit: PageQuery.limit.default(100) }),
        response: { 200: Page(DriverLocation) },
      },
    },
    async ({ query: { cursor, limit } }) => {
      const rows = await ctx.db.query<Located>(
        `select p.driver_id as "driverId", d.name, r.id as "routeId", p.latitude, p.longitude,
                p.accuracy_meters as "accuracyMeters", p.speed_mps as "speedMps",
                p.heading_degrees as "headingDegrees", p.recorded_at as "recordedAt",
                p.received_at as "receivedAt"
         from driver_positions p join drivers d on d.id = p.driver_id
         left join routes r on r.driver_id = p.driver_id and r.status = 'started'
         where $1::uuid is null or p.driver_id > $1::uuid order by p.driver_id limit $2`,
        [readCursor(cursor), limit + 1],
      )
      const places = await withLivePlaces(ctx, new Map(rows.map((row) => [row.driverId, row as Place])))
      const page = toPage(
        rows.map((row) => view(row, places.get(row.driverId) ?? row)),
        limit,
      )
      return { ...page, items: page.items.map(({ id: _id, ...location }) => location) }
    },
  )
}

function view({ driverId, name, routeId }: Located, place: Place) {
  const { latitude, longitude, accuracyMeters, speedMps, headingDegrees } = place
  return {
    id: driverId,
    driverId,
    name,
    routeId,
    latitude,
    longitude,
    accuracyMeters,
    speedMps,
    headingDegrees,
    recordedAt: place.recordedAt.toISOString(),
    receivedAt: place.receivedAt.toISOString(),
  }
}
