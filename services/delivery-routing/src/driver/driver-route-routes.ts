import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { NoBody } from '../schemas.ts'
import { EVENTS_AT_A_TIME, lastSequences, listRouteEvents, type Stream } from '../stream/route-events.ts'
import { eventStream, lastEventId, type SseMessage } from '../stream/sse.ts'
import { DriverRoute, etagOf, readDriverRoute, viewDriverRoute } from './driver-route.ts'
import { startRoute } from './start-route.ts'

const tags = ['Driver']

export function registerDriverRouteRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('driver')
  const noRoute = { 404: '`no_route`' }

  app.get(
    '/v1/driver/route',
    {
      onRequest,
      schema: {
        summary: 'The route in progress, or else the next one',
        description:
          'Carries an `ETag`; with `If-None-Match` it answers 304 while nothing has changed, live ETAs to the minute ' +
          'included.',
        tags,
        security: bearer,
        response: { 200: DriverRoute, 304: z.null().describe('Nothing has changed'), ...problems(noRoute) },
      },
    },
    async (request, reply) => {
      const route = await readDriverRoute(ctx, userOf(request).id)
      const etag = etagOf(route)
      void reply.header('etag', etag).header('cache-control', 'private, no-cache')
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      return reply.send(await viewDriverRoute(ctx, route))
    },
  )

  app.post(
    '/v1/driver/route/start',
    {
      onRequest,
      schema: {
        summary: 'Start the route',
        description:
          'Locks what is loaded: those orders can no longer be cancelled. Again is the same answer.',
        tags,
        security: bearer,
        body: NoBody,
        response: {
          200: DriverRoute,
          ...problems({ ...noRoute, 409: '`route_changed`, `another_route_started`' }),
        },
      },
    },
    async (request) => viewDriverRoute(ctx, await startRoute(ctx, userOf(request).id)),
  )

  registerRouteEvents(app, ctx)
}

function registerRouteEvents(app: App, ctx: Context): void {
  app.get(
    '/v1/driver/route/events',
    {
      onRequest: ctx.auth.require('driver'),
      schema: {
        summary: 'Changes to the route, as server-sent events',
        description:
          'Starts with `ready`; with `Last-Event-ID` it goes on after that event. `resync` says that events are ' +
          'missing: read the route again.',
        tags,
        security: bearer,
        response: { 200: eventStream, ...problems({ 429: '`too_many_streams`', 503: '`too_many_streams`' }) },
      },
    },
    async (request, reply) => {
      const stream: Stream = `driver:${userOf(request).id}`
      const newest = (await lastSequences(ctx.db, [stream])).get(stream) ?? 0
      const resumed = lastEventId(request)
      const first = Math.min(resumed ?? newest, newest)
      let readOn = () => {}
      ctx.sse.serve(request, reply, {
        owner: stream,
        listen: (poke) => {
          readOn = poke
          return ctx.feed.listen(stream, first, poke)
        },
        read: eventsAfter(ctx, stream, { first, newest, readOn: () => readOn() }),
      })
      return reply
    },
  )
}

/**
 * Each call gives what came since the one before, a page at a time. Where events after `first` are forgotten, all of
 * them or the oldest, it says so.
 */
function eventsAfter(
  ctx: Context,
  stream: Stream,
  { first, newest, readOn }: { first: number; newest: number; readOn: () => void },
): () => Promise<SseMessage[]> {
  let last = first
  let greeting: SseMessage[] = [{ id: first, event: 'ready', data: {} }]
  return async () => {
    const events = await listRouteEvents(ctx.db, stream, last)
    const oldest = events[0]?.sequence ?? newest + 1
    const resync: SseMessage[] = oldest > last + 1 ? [{ id: oldest - 1, event: 'resync', data: {} }] : []
    last = events.at(-1)?.sequence ?? Math.max(last, newest)
    const messages = [
      ...greeting,
      ...resync,
      ...events.map(({ sequence, type, data }) => ({ id: sequence, event: type, data })),
    ]
    greeting = []
    if (events.length === EVENTS_AT_A_TIME) readOn()
    return messages
  }
}

/** Whether `If-None-Match` names the tag (RFC 9110, 13.1.2): weak comparison, a list, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((given) => {
    const tag = given.trim().replace(/^W\//, '')
    return tag === '*' || tag === etag
  })
}
