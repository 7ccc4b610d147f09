import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { MAX_TRIES, type MessageFacts, type MessageKind, retryDelayMs } from './message.ts'
import { signatureOf } from './webhook-client.ts'

export const SEND_WEBHOOK = 'send_webhook'

/** Longer than one request may take. */
const LEASE_MS = 30_000
/** The subscriber says that this address is gone for good (RFC 9110, 15.5.11). */
const GONE = 410

type Leased = {
  id: string
  subscription_id: string
  tries: number
  url: string
  secret: string
  disabled: boolean
  message_id: string
  order_id: string
  kind: MessageKind
  facts: MessageFacts
  created_at: Date
}

export async function enqueueWebhook(ctx: Context, tx: Db, deliveryId: string, delayMs = 0): Promise<void> {
  const runAt = new Date(Date.now() + delayMs)
  await ctx.jobs.enqueue(tx, SEND_WEBHOOK, { deliveryId }, { jobKey: `webhook:${deliveryId}`, runAt })
}

/**
 * Posts one message to one subscriber. An answer of 2xx is success; everything else is tried again for about a day
 * and then stays as a dead letter. At least once, with the message's id for the receiver to know what comes twice.
 */
export async function sendWebhook(ctx: Context, { deliveryId }: { deliveryId: string }): Promise<void> {
  const leased = await lease(ctx.db, deliveryId)
  if (leased === null) return lookAgainLater(ctx, deliveryId)
  if (leased.disabled)
    return settle(ctx, leased, { status: 'dead', lastStatus: null, note: 'it is disabled' })
  const body = JSON.stringify({
    id: leased.message_id,
    type: `delivery.${leased.kind}`,
    occurredAt: leased.created_at.toISOString(),
    data: { orderId: leased.order_id, ...leased.facts },
  })
  const headers = {
    'user-agent': 'UrbanBloom-Webhooks/1',
    'urbanbloom-event-id': leased.message_id,
    'urbanbloom-signature': signatureOf(leased.secret, body, new Date()),
  }
  const { lastStatus, note } = await attempt(ctx, leased.url, headers, body)
  if (lastStatus !== null && lastStatus >= 200 && lastStatus < 300) {
    return settle(ctx, leased, { status: 'delivered', lastStatus, note: null })
  }
  if (lastStatus === GONE) {
    await ctx.db.query(
      `update webhook_subscriptions set disabled_at = now(), disabled_reason = 'it answered 410 Gone'
       where id = $1 and disabled_at is null`,
      [leased.subscription_id],
    )
  }
  const isLast = lastStatus === GONE || leased.tries >= MAX_TRIES
  return settle(ctx, leased, { status: isLast ? 'dead' : 'pending', lastStatus, note })
}

async function attempt(ctx: Context, url: string, headers: Record<string, string>, body: string) {
  try {
    const lastStatus = await ctx.webhooks.post(url, headers, body)
    return { lastStatus, note: `it answered ${lastStatus}` }
  } catch (err) {
    const { code, name } = err as { code?: string; name?: string }
    return { lastStatus: null, note: `no answer: ${name === 'AddressRefused' ? name : (code ?? name)}` }
  }
}

async function lease(db: Db, deliveryId: string): Promise<Leased | null> {
  const [leased] = await db.query<Leased>(
    `update webhook_deliveries w
     set lease_until = now() + $2::integer * interval '1 millisecond', tries = w.tries + 1
     from webhook_subscriptions s, messages m
     where w.id = $1 and w.status = 'pending' and (w.lease_until is null or w.lease_until < now())
       and s.id = w.subscription_id and m.id = w.message_id
     returning w.id, w.subscription_id, w.tries, s.url, s.secret, s.disabled_at is not null as disabled,
       m.id as message_id, m.order_id, m.kind, m.facts, m.created_at`,
    [deliveryId, LEASE_MS],
  )
  return leased ?? null
}

/** Where another process has the lease it may die, so somebody has to look again once the lease is over. */
async function lookAgainLater(ctx: Context, deliveryId: string): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const pending = await tx.query(
      `select id from webhook_deliveries where id = $1 and status = 'pending' for update`,
      [deliveryId],
    )
    if (pending.length > 0) await enqueueWebhook(ctx, tx, deliveryId, LEASE_MS)
  })
}

type Outcome = { status: 'pending' | 'delivered' | 'dead'; lastStatus: number | null; note: string | null }

async function settle(ctx: Context, { id, tries }: Leased, outcome: Outcome): Promise<void> {
  const { status, lastStatus, note } = outcome
  await ctx.db.transaction(async (tx) => {
    await tx.query(
      `update webhook_deliveries set status = $2, last_status = $3, note = $4, lease_until = null,
         finished_at = case when $2 <> 'pending' then now() end
       where id = $1 and status = 'pending'`,
      [id, status, lastStatus, note],
    )
    if (status === 'pending') await enqueueWebhook(ctx, tx, id, retryDelayMs(tries))
  })
  ctx.metrics.webhooks.inc({ outcome: status === 'pending' ? 'failed' : status })
}
