import { WindowLookup, WindowLookupAnswer } from '@urbanbloom/contracts/delivery'
import { Page } from '@urbanbloom/contracts/paging'
import { problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { LocalDate } from '../schemas.ts'
import { findOpenWindow, findWindows, hubFor } from './find-windows.ts'

const OfferedWindow = z.object({
  id: z.uuid(),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  available: z.boolean(),
  feeCents: z.int(),
})

/** `Number('')` is 0, which would be a place in the Gulf of Guinea. */
const coordinate = (limit: number) =>
  z
    .string()
    .trim()
    .refine((text) => text !== '', 'must be a number')
    .transform(Number)
    .pipe(z.number().min(-limit).max(limit))
    .meta({ type: 'number', minimum: -limit, maximum: limit })

export function registerWindowRoutes(app: App, ctx: Context): void {
  app.get(
    '/v1/delivery-windows',
    {
      schema: {
        summary: 'List the delivery windows on offer at a place',
        description:
          'Of one day of the hub’s calendar, or of today and the next two. A full window is listed with ' +
          '`available: false`. 422 `outside_delivery_area` where no hub is near enough.',
        tags: ['Delivery'],
        querystring: z.object({
          latitude: coordinate(90),
          longitude: coordinate(180),
          date: LocalDate.optional(),
        }),
        response: { 200: Page(OfferedWindow), ...problems({ 422: '`outside_delivery_area`' }) },
      },
    },
    async ({ query: { date, ...point } }) => {
      const windows = await findWindows(ctx, point, date)
      return {
        items: windows.map(({ full, cutOffAt: _cutOffAt, ...window }) => ({ ...window, available: !full })),
        nextCursor: null,
      }
    },
  )

  app.post(
    '/internal/windows/lookup',
    { schema: { hide: true, body: WindowLookup, response: { 200: WindowLookupAnswer } } },
    async ({ body: { start, end, load, ...point } }) => {
      const hub = await hubFor(ctx, point)
      const answer = { hubId: hub.id, baseFeeCents: hub.baseFeeCents }
      if (start === undefined) return answer
      const {
        full,
        cutOffAt: _cutOffAt,
        ...window
      } = await findOpenWindow(ctx, hub, { start, end, load, ...point })
      return { ...answer, window: { ...window, available: !full } }
    },
  )
}
