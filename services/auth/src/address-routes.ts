import { Address } from '@urbanbloom/contracts/address'
import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { deleteAddress, insertAddress, listAddresses, MAX_ADDRESSES } from './address-store.ts'
import type { Context } from './context.ts'
import { pageOf, readCursor } from './cursor.ts'
import { requireLiveSession } from './session-guard.ts'

const tags = ['Profile']
const SavedAddress = z.object({ id: z.uuid(), ...Address.shape }).meta({ id: 'SavedAddress' })

export function registerAddressRoutes(app: App, ctx: Context): void {
  const onRequest = requireLiveSession(ctx)
  listRoute(app, ctx, onRequest)
  createRoute(app, ctx, onRequest)
  deleteRoute(app, ctx, onRequest)
}

type Guard = ReturnType<typeof requireLiveSession>

function listRoute(app: App, ctx: Context, onRequest: Guard): void {
  app.get(
    '/v1/me/addresses',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List your addresses',
        description: 'The address book, the newest first.',
        security: bearer,
        querystring: z.object(PageQuery),
        response: {
          200: Page(SavedAddress),
          ...problems({ 400: '`cursor_invalid`, `validation_failed`', 401: 'No valid access token' }),
        },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const page = { limit: limit + 1, before: readCursor(cursor) }
      return pageOf(await listAddresses(ctx.db, userOf(request).id, page), limit)
    },
  )
}

function createRoute(app: App, ctx: Context, onRequest: Guard): void {
  app.post(
    '/v1/me/addresses',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Save an address',
        description: `An account keeps at most ${MAX_ADDRESSES}.`,
        security: bearer,
        body: Address,
        response: {
          201: SavedAddress,
          ...problems({
            400: '`validation_failed`: `errors` names each field',
            401: 'No valid access token',
            409: `\`address_limit_reached\`: there are ${MAX_ADDRESSES} already`,
          }),
        },
      },
    },
    async (request, reply) => {
      const address = await insertAddress(ctx.db, userOf(request).id, { ...request.body, id: newId() })
      if (address === null) {
        throw conflict('address_limit_reached', `You have ${MAX_ADDRESSES} addresses; delete one first`)
      }
      return reply.code(201).send(address)
    },
  )
}

function deleteRoute(app: App, ctx: Context, onRequest: Guard): void {
  app.delete(
    '/v1/me/addresses/:id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Delete an address',
        security: bearer,
        params: z.object({ id: z.uuid() }),
        response: {
          204: z.undefined().describe('The address is gone'),
          ...problems({ 401: 'No valid access token', 404: '`address_not_found`: none of yours' }),
        },
      },
    },
    async (request, reply) => {
      const deleted = await deleteAddress(ctx.db, userOf(request).id, request.params.id)
      if (!deleted) throw notFound('address_not_found', `You have no address ${request.params.id}`)
      return reply.code(204).send()
    },
  )
}
