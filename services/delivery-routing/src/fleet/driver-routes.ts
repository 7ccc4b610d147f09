import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { createDriver } from './create-driver.ts'
import { Driver, NewDriver } from './driver.ts'
import { listDrivers } from './driver-store.ts'

export function registerDriverRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.get(
    '/v1/drivers',
    {
      onRequest,
      schema: {
        summary: 'List the drivers',
        tags: ['Fleet'],
        security: bearer,
        querystring: z.object(PageQuery),
        response: { 200: Page(Driver) },
      },
    },
    async ({ query }) =>
      toPage(await listDrivers(ctx.db, readCursor(query.cursor), query.limit + 1), query.limit),
  )

  app.post(
    '/v1/drivers',
    {
      onRequest,
      schema: {
        summary: 'Add a driver',
        description: 'Makes an account with the role `driver`. 409 `email_taken` where the address has one.',
        tags: ['Fleet'],
        security: bearer,
        body: NewDriver,
        response: { 201: Driver, ...problems({ 409: '`email_taken`' }) },
      },
    },
    async (request, reply) => reply.code(201).send(await createDriver(ctx, request.body)),
  )
}
