import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { bearer } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { listRefusedReports, RefusedReport } from './refused-reports.ts'

/** Ops sees what drivers reported and we did not take, because something has happened all the same. */
export function registerRefusedReportRoutes(app: App, ctx: Context): void {
  app.get(
    '/v1/dispatch/refused-reports',
    {
      onRequest: ctx.auth.require('ops'),
      schema: {
        summary: 'What drivers reported of stops and was refused, newest first',
        description:
          'Such as a delivery that was made after the stop had become another driver’s, or without the code. A report ' +
          'that was taken later is not among them. Kept for ninety days.',
        tags: ['Dispatch'],
        security: bearer,
        querystring: z.strictObject({ ...PageQuery, hubId: z.uuid().optional() }),
        response: { 200: Page(RefusedReport) },
      },
    },
    async ({ query: { cursor, limit, hubId } }) => {
      const before = readCursor(cursor)
      return toPage(
        await listRefusedReports(ctx.db, { hubId: hubId ?? null, before, limit: limit + 1 }),
        limit,
      )
    },
  )
}
