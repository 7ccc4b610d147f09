import { Page as PageOf, PageQuery } from '@urbanbloom/contracts/paging'
import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { fingerprint, optionalIdempotencyKey } from '@urbanbloom/service-kit/idempotency'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { adjustStock } from './adjust-stock.ts'
import { descriptor, ManagedProduct, NewProduct, Product, ProductChange, quantity } from './catalog.ts'
import type { Page } from './catalog-pages.ts'
import type { InventoryContext } from './context.ts'
import { sorts } from './list-products.ts'
import { changeProduct, createProduct, productNotFound } from './manage-products.ts'

// Lower case as the database writes it, because cached pages are found by it.
const Id = z.object({ id: z.uuid().toLowerCase() })
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

const ListQuery = z.strictObject({
  ...PageQuery,
  search: z.string().trim().min(1).max(100).optional().describe('Name or SKU; forgives a typo'),
  category: descriptor.optional(),
  light: descriptor.optional(),
  petSafe: flag.optional(),
  inStock: flag.optional(),
  sort: z.enum(sorts).optional().describe('Without it: by relevance for a search, else by name'),
})

const StockAdjustment = z.strictObject({
  delta: z
    .int()
    .min(-1_000_000)
    .max(1_000_000)
    .refine((delta) => delta !== 0, 'must not be 0'),
  reason: z.string().trim().min(1).max(200),
})

const StockAdjustmentAnswer = z.object({
  id: z.uuid(),
  productId: z.uuid(),
  delta: z.int(),
  reason: z.string(),
  onHandQuantity: quantity,
  reservedQuantity: quantity,
  availableQuantity: quantity,
  createdAt: z.iso.datetime(),
})

const unchanged = { 304: z.undefined().describe('Nothing has changed') }

/** The catalog as everybody may read it, under `/v1/products`. */
export function registerCatalogRoutes(app: App, ctx: InventoryContext): void {
  app.get(
    '/v1/products',
    {
      schema: {
        tags: ['Catalog'],
        summary: 'List and search the plants on sale',
        description:
          'A new or changed product shows at once; the quantities of a list may lag by a few seconds, those of a single product by less than one.',
        querystring: ListQuery,
        response: {
          200: PageOf(Product),
          ...unchanged,
          ...problems({ 400: '`validation_failed`, `cursor_invalid`' }),
        },
      },
    },
    async (request, reply) => sendPage(request, reply, await ctx.pages.list(request.query)),
  )

  app.get(
    '/v1/products/:id',
    {
      schema: {
        tags: ['Catalog'],
        summary: 'Read a plant on sale',
        description: 'Carries a strong `ETag`; `If-None-Match` with it is answered 304.',
        params: Id,
        response: {
          200: Product,
          ...unchanged,
          ...problems({ 404: '`product_not_found`: unknown or withdrawn' }),
        },
      },
    },
    async (request, reply) => {
      const page = await ctx.pages.product(request.params.id)
      if (page === null) throw productNotFound(request.params.id)
      return sendPage(request, reply, page)
    },
  )
}

/** Catalog and stock as ops changes them. */
export function registerProductManagement(app: App, ctx: InventoryContext, auth: Authenticator): void {
  app.post(
    '/v1/products',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Catalog'],
        summary: 'Add a plant',
        security: bearer,
        body: NewProduct,
        response: { 201: ManagedProduct, ...problems({ 409: '`sku_taken`' }) },
      },
    },
    async (request, reply) => {
      const product = await createProduct(ctx, request.body)
      return reply.code(201).header('location', `/v1/products/${product.id}`).send(product)
    },
  )

  app.patch(
    '/v1/products/:id',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Catalog'],
        summary: 'Change, withdraw or bring back a plant',
        security: bearer,
        params: Id,
        body: ProductChange,
        response: { 200: ManagedProduct, ...problems({ 404: '`product_not_found`' }) },
      },
    },
    async (request) => changeProduct(ctx, request.params.id, request.body),
  )

  app.post(
    '/v1/products/:id/stock-adjustments',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Catalog'],
        summary: 'Add to the stock or take from it',
        description: 'An `Idempotency-Key` is optional here; with one, a repeated request is applied once.',
        security: bearer,
        params: Id,
        headers: z.looseObject({ 'idempotency-key': z.string().optional() }),
        body: StockAdjustment,
        response: {
          201: StockAdjustmentAnswer,
          ...problems({
            404: '`product_not_found`',
            409: '`stock_below_reserved`, with `onHandQuantity` and `reservedQuantity`; `stock_too_large`',
            422: '`idempotency_key_reused`',
          }),
        },
      },
    },
    async (request, reply) => {
      const { adjustment, replayed } = await adjustStock(ctx, {
        productId: request.params.id,
        actorId: userOf(request).id,
        idempotencyKey: optionalIdempotencyKey(request),
        fingerprint: fingerprint([request.params.id, request.body]),
        ...request.body,
      })
      if (replayed) void reply.header('idempotency-replayed', 'true')
      return reply.code(201).send(adjustment)
    },
  )
}

/** Sends a body that is serialized already, or 304 where the caller has it. */
function sendPage(request: FastifyRequest, reply: Pick<FastifyReply, 'header' | 'code'>, page: Page): never {
  const { 'if-none-match': known } = request.headers
  void reply.header('etag', page.etag).header('cache-control', 'no-cache')
  const answer =
    known !== undefined && matches(known, page.etag)
      ? reply.code(304).send()
      : reply.code(200).header('content-type', 'application/json; charset=utf-8').send(page.body)
  // Fastify takes the reply itself for "sent"; the declared type is that of the parsed body.
  return answer as never
}

/** RFC 9110, 13.1.2: any of the listed validators, compared weakly, or `*`. */
function matches(header: string, etag: string): boolean {
  if (header === etag || header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag)
}
