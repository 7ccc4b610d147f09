import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { notFound } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from './context.ts'
import { pageOf, readCursor } from './cursor.ts'
import { SessionAnswer, toSessionAnswer } from './session.ts'
import { requireLiveSession } from './session-guard.ts'
import { endSession, listSessions } from './session-store.ts'

const tags = ['Authentication']

export function registerSessionRoutes(app: App, ctx: Context): void {
  const onRequest = requireLiveSession(ctx)

  app.get(
    '/v1/auth/sessions',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List your sessions',
        description: 'Where you are logged in, the newest first.',
        security: bearer,
        querystring: z.object(PageQuery),
        response: {
          200: Page(SessionAnswer),
          ...problems({ 400: '`cursor_invalid`, `validation_failed`', 401: 'No valid access token' }),
        },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const { id, sessionId } = userOf(request)
      const rows = await listSessions(ctx.db, id, { limit: limit + 1, before: readCursor(cursor) })
      const { items, nextCursor } = pageOf(rows, limit)
      return { items: items.map((session) => toSessionAnswer(session, sessionId)), nextCursor }
    },
  )

  app.delete(
    '/v1/auth/sessions/:id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'End a session',
        description: 'Its refresh token stops working at once; its access token within minutes.',
        security: bearer,
        params: z.object({ id: z.uuid() }),
        response: {
          204: z.undefined().describe('The session has ended'),
          ...problems({ 401: 'No valid access token', 404: '`session_not_found`: none of yours' }),
        },
      },
    },
    async (request, reply) => {
      const ended = await endSession(ctx.db, request.params.id, userOf(request).id, 'removed')
      if (!ended) throw notFound('session_not_found', `You have no session ${request.params.id}`)
      return reply.code(204).send()
    },
  )
}
