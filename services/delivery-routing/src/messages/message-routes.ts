import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { notFound } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { IdParams, NoBody } from '../schemas.ts'
import { messageKinds } from './message.ts'
import { listMessages, reviveMessage } from './message-store.ts'
import { enqueueMessage } from './send-message.ts'
import { enqueueWebhook } from './send-webhook.ts'
import { listWebhookDeliveries, reviveWebhooks } from './webhook-store.ts'

const tags = ['Messages']
const REPLAYED_AT_MOST = 1_000

const outcome = {
  id: z.uuid(),
  orderId: z.uuid(),
  event: z.enum(messageKinds),
  tries: z.int(),
  note: z.string().nullable().describe('What the last try met, or why nothing was sent'),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
}
const messageStatus = z.enum(['pending', 'sent', 'skipped', 'dead'])
const webhookStatus = z.enum(['pending', 'delivered', 'dead'])

const Message = z.object({ ...outcome, status: messageStatus }).meta({ id: 'Message' })
const WebhookDelivery = z
  .object({
    ...outcome,
    status: webhookStatus,
    subscriptionId: z.uuid(),
    messageId: z.uuid(),
    lastStatus: z.int().nullable(),
  })
  .meta({ id: 'WebhookDelivery' })

/** Ops sees what customers and subscribers were sent, and sends dead letters again. */
export function registerMessageRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const secured = { tags, security: bearer }

  app.get(
    '/v1/messages',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'What customers were sent by mail, oldest first',
        querystring: z.object({ ...PageQuery, status: messageStatus.optional() }),
        response: { 200: Page(Message) },
      },
    },
    async ({ query: { cursor, limit, status } }) => {
      const after = readCursor(cursor)
      const found = await listMessages(ctx.db, { status: status ?? null, after, limit: limit + 1 })
      const page = toPage(found, limit)
      return {
        ...page,
        items: page.items.map(({ kind, createdAt, finishedAt, id, orderId, tries, note, status: now }) => ({
          id,
          orderId,
          tries,
          note,
          status: now,
          event: kind,
          createdAt: createdAt.toISOString(),
          finishedAt: finishedAt?.toISOString() ?? null,
        })),
      }
    },
  )

  app.post(
    '/v1/messages/:id/replay',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'Send a dead message again',
        params: IdParams,
        body: NoBody,
        response: { 202: z.object({ replayed: z.int() }), ...problems({ 404: '`dead_letter_not_found`' }) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await ctx.db.transaction(async (tx) => {
        if (!(await reviveMessage(tx, id))) throw unknownDeadLetter(id)
        await enqueueMessage(ctx, tx, id)
      })
      return reply.code(202).send({ replayed: 1 })
    },
  )

  registerWebhookDeliveries(app, ctx)
  registerWebhookReplays(app, ctx)
}

function registerWebhookDeliveries(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const secured = { tags, security: bearer }

  app.get(
    '/v1/webhook-deliveries',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'What subscribers were sent, oldest first; `status=dead` is the dead letters',
        querystring: z.object({
          ...PageQuery,
          status: webhookStatus.optional(),
          subscriptionId: z.uuid().optional(),
        }),
        response: { 200: Page(WebhookDelivery) },
      },
    },
    async ({ query: { cursor, limit, status = null, subscriptionId = null } }) => {
      const after = readCursor(cursor)
      const found = await listWebhookDeliveries(ctx.db, { status, subscriptionId, after, limit: limit + 1 })
      const page = toPage(found, limit)
      return {
        ...page,
        items: page.items.map(({ kind, createdAt, finishedAt, ...rest }) => ({
          ...rest,
          event: kind,
          createdAt: createdAt.toISOString(),
          finishedAt: finishedAt?.toISOString() ?? null,
        })),
      }
    },
  )
}

function registerWebhookReplays(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const secured = { tags, security: bearer }

  app.post(
    '/v1/webhook-deliveries/:id/replay',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'Send a dead letter again',
        params: IdParams,
        body: NoBody,
        response: { 202: z.object({ replayed: z.int() }), ...problems({ 404: '`dead_letter_not_found`' }) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const replayed = await revive(ctx, { id, limit: 1 })
      if (replayed === 0) throw unknownDeadLetter(id)
      return reply.code(202).send({ replayed })
    },
  )

  app.post(
    '/v1/webhook-subscriptions/:id/replay',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'Send the dead letters of a subscription again',
        description: `At most ${REPLAYED_AT_MOST} at a time, the oldest first.`,
        params: IdParams,
        body: NoBody,
        response: { 202: z.object({ replayed: z.int() }) },
      },
    },
    async (request, reply) =>
      reply.code(202).send({
        replayed: await revive(ctx, { subscriptionId: request.params.id, limit: REPLAYED_AT_MOST }),
      }),
  )
}

function revive(ctx: Context, which: Parameters<typeof reviveWebhooks>[1]): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    const ids = await reviveWebhooks(tx, which)
    for (const id of ids) await enqueueWebhook(ctx, tx, id)
    return ids.length
  })
}

function unknownDeadLetter(id: string) {
  return notFound(
    'dead_letter_not_found',
    `There is no dead letter ${id}; one that was sent cannot be replayed`,
  )
}
