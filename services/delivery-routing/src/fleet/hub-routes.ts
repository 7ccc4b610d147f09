import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { IdParams } from '../schemas.ts'
import { changeHub } from './change-hub.ts'
import { Hub, HubChange, NewHub } from './hub.ts'
import { insertHub, listHubs } from './hub-store.ts'

export function registerHubRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')

  app.get(
    '/v1/hubs',
    {
      onRequest,
      schema: {
        summary: 'List the hubs',
        tags: ['Fleet'],
        security: bearer,
        querystring: z.object(PageQuery),
        response: { 200: Page(Hub) },
      },
    },
    async ({ query }) =>
      toPage(await listHubs(ctx.db, readCursor(query.cursor), query.limit + 1), query.limit),
  )

  app.post(
    '/v1/hubs',
    {
      onRequest,
      schema: {
        summary: 'Open a hub',
        tags: ['Fleet'],
        security: bearer,
        body: NewHub,
        response: { 201: Hub },
      },
    },
    async (request, reply) => {
      const hub = { id: newId(), ...request.body }
      await insertHub(ctx.db, hub)
      return reply.code(201).send(hub)
    },
  )

  app.patch(
    '/v1/hubs/:id',
    {
      onRequest,
      schema: {
        summary: 'Change the rules of a hub',
        description:
          'Cut-offs, fees and the capacity of windows apply to those that are still to come, too; a window never ' +
          'gets less than it has sold.',
        tags: ['Fleet'],
        security: bearer,
        params: IdParams,
        body: HubChange,
        response: { 200: Hub, ...problems({ 404: '`hub_not_found`' }) },
      },
    },
    async ({ params: { id }, body }) => changeHub(ctx, id, body),
  )
}
