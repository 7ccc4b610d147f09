import { randomBytes } from 'node:crypto'
import { Page, PageQuery } from '@urbanbloom/contracts/paging'
import { userOf } from '@urbanbloom/service-kit/auth'
import { conflict, invalid, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { readCursor, toPage } from '../page.ts'
import { IdParams } from '../schemas.ts'
import { messageKinds } from './message.ts'
import { problemOfUrl } from './webhook-address.ts'
import {
  deleteSubscription,
  insertSubscription,
  listSubscriptions,
  SUBSCRIPTIONS_MAX,
  type Subscription,
  updateSubscription,
} from './webhook-store.ts'

const tags = ['Messages']
const SECRET_BYTES = 32
const Kinds = z
  .array(z.enum(messageKinds))
  .min(1)
  .max(messageKinds.length)
  .transform((kinds) => [...new Set(kinds)])
const Url = z.string().max(2_000)

const WebhookSubscription = z
  .object({
    id: z.uuid(),
    url: z.string(),
    events: z.array(z.enum(messageKinds)),
    createdAt: z.iso.datetime(),
    disabledAt: z.iso.datetime().nullable(),
    disabledReason: z.string().nullable(),
  })
  .meta({ id: 'WebhookSubscription' })

const NewSubscription = z.strictObject({ url: Url, events: Kinds })
const SubscriptionChange = z.strictObject({
  url: Url.optional(),
  events: Kinds.optional(),
  isDisabled: z.boolean().optional(),
})

function toView({ kinds, createdAt, disabledAt, ...rest }: Subscription) {
  return {
    ...rest,
    events: kinds,
    createdAt: createdAt.toISOString(),
    disabledAt: disabledAt?.toISOString() ?? null,
  }
}

/** Ops says which other programs are told of what becomes of deliveries. */
export function registerWebhookRoutes(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const secured = { tags, security: bearer }

  app.post(
    '/v1/webhook-subscriptions',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'Subscribe a URL to what becomes of deliveries',
        description:
          'Each event is a POST with `UrbanBloom-Event-Id` and `UrbanBloom-Signature: t=<seconds>,v1=<hex>`, the ' +
          'HMAC-SHA256 of `<seconds>.<body>` under `secret`, which is shown only now. An answer other than 2xx is ' +
          'tried again for about a day; events may come twice and out of order.',
        body: NewSubscription,
        response: {
          201: WebhookSubscription.extend({ secret: z.string() }).meta({ id: 'NewWebhookSubscription' }),
          ...problems({ 400: '`webhook_url_refused`', 409: '`too_many_webhook_subscriptions`' }),
        },
      },
    },
    async (request, reply) => {
      const { url, events } = request.body
      refuseUrl(ctx, url)
      const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64url')}`
      const created = await insertSubscription(ctx.db, {
        id: newId(),
        url,
        kinds: events,
        secret,
        createdBy: userOf(request).id,
      })
      if (created === null) {
        throw conflict(
          'too_many_webhook_subscriptions',
          `There are ${SUBSCRIPTIONS_MAX} already; delete one first`,
        )
      }
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...toView(created), secret })
    },
  )

  app.get(
    '/v1/webhook-subscriptions',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'List subscriptions',
        querystring: z.object(PageQuery),
        response: { 200: Page(WebhookSubscription) },
      },
    },
    async ({ query: { cursor, limit } }) => {
      const page = toPage(await listSubscriptions(ctx.db, readCursor(cursor), limit + 1), limit)
      return { ...page, items: page.items.map(toView) }
    },
  )

  registerChanges(app, ctx)
}

function registerChanges(app: App, ctx: Context): void {
  const onRequest = ctx.auth.require('ops')
  const secured = { tags, security: bearer, params: IdParams }
  const unknown = { 404: '`webhook_subscription_not_found`' }

  app.patch(
    '/v1/webhook-subscriptions/:id',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'Change, disable or enable a subscription',
        body: SubscriptionChange,
        response: { 200: WebhookSubscription, ...problems({ ...unknown, 400: '`webhook_url_refused`' }) },
      },
    },
    async (request) => {
      const { url, events, isDisabled } = request.body
      if (url !== undefined) refuseUrl(ctx, url)
      const changed = await updateSubscription(ctx.db, request.params.id, { url, kinds: events, isDisabled })
      if (changed === null) throw unknownSubscription(request.params.id)
      return toView(changed)
    },
  )

  app.delete(
    '/v1/webhook-subscriptions/:id',
    {
      onRequest,
      schema: {
        ...secured,
        summary: 'End a subscription',
        response: { 204: z.null().describe('It is gone, with its dead letters'), ...problems(unknown) },
      },
    },
    async (request, reply) => {
      if (!(await deleteSubscription(ctx.db, request.params.id))) throw unknownSubscription(request.params.id)
      return reply.code(204).send(null)
    },
  )
}

function refuseUrl(ctx: Context, url: string): void {
  const problem = problemOfUrl(url, { allowsPrivate: ctx.config.webhooks.allowsPrivate })
  if (problem !== null) throw invalid('webhook_url_refused', `The url ${problem}`)
}

function unknownSubscription(id: string) {
  return notFound('webhook_subscription_not_found', `There is no subscription ${id}`)
}
