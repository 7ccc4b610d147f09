import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'
import type { MessageKind } from './message.ts'

export type Subscription = {
  id: string
  url: string
  kinds: MessageKind[]
  createdAt: Date
  disabledAt: Date | null
  disabledReason: string | null
}

export type WebhookDelivery = {
  id: string
  subscriptionId: string
  messageId: string
  orderId: string
  kind: MessageKind
  status: 'pending' | 'delivered' | 'dead'
  tries: number
  lastStatus: number | null
  note: string | null
  createdAt: Date
  finishedAt: Date | null
}

const subscriptionColumns = `id, url, kinds, created_at as "createdAt", disabled_at as "disabledAt",
  disabled_reason as "disabledReason"`

export const SUBSCRIPTIONS_MAX = 50
const KEPT_DAYS = 90

/** @returns the subscription, or null where there are as many as there may be. */
export async function insertSubscription(
  db: Db,
  given: { id: string; url: string; kinds: readonly MessageKind[]; secret: string; createdBy: string },
): Promise<Subscription | null> {
  const [row] = await db.query<Subscription>(
    `insert into webhook_subscriptions (id, url, kinds, secret, created_by)
     select $1, $2, $3::text[], $4, $5 where (select count(*) from webhook_subscriptions) < $6
     returning ${subscriptionColumns}`,
    [given.id, given.url, given.kinds, given.secret, given.createdBy, SUBSCRIPTIONS_MAX],
  )
  return row ?? null
}

export async function listSubscriptions(
  db: Db,
  after: string | null,
  limit: number,
): Promise<Subscription[]> {
  return db.query<Subscription>(
    `select ${subscriptionColumns} from webhook_subscriptions
     where $1::uuid is null or id > $1::uuid order by id limit $2`,
    [after, limit],
  )
}

/** Changes what is given. `isDisabled: false` also forgets why it was disabled. @returns null where there is none. */
export async function updateSubscription(
  db: Db,
  id: string,
  change: {
    url?: string | undefined
    kinds?: readonly MessageKind[] | undefined
    isDisabled?: boolean | undefined
  },
): Promise<Subscription | null> {
  const [row] = await db.query<Subscription>(
    `update webhook_subscriptions set url = coalesce($2, url), kinds = coalesce($3::text[], kinds),
       disabled_at = case when $4::boolean is null then disabled_at when $4::boolean then coalesce(disabled_at, now()) end,
       disabled_reason = case when $4::boolean is null then disabled_reason when $4::boolean then 'by a person' end
     where id = $1 returning ${subscriptionColumns}`,
    [id, change.url ?? null, change.kinds ?? null, change.isDisabled ?? null],
  )
  return row ?? null
}

export async function deleteSubscription(db: Db, id: string): Promise<boolean> {
  const rows = await db.query('delete from webhook_subscriptions where id = $1 returning id', [id])
  return rows.length > 0
}

/** What was sent to subscribers, oldest first, after the id `after`. */
export async function listWebhookDeliveries(
  db: Db,
  query: {
    status: WebhookDelivery['status'] | null
    subscriptionId: string | null
    after: string | null
    limit: number
  },
): Promise<WebhookDelivery[]> {
  return db.query<WebhookDelivery>(
    `select w.id, w.subscription_id as "subscriptionId", w.message_id as "messageId", m.order_id as "orderId",
            m.kind, w.status, w.tries, w.last_status as "lastStatus", w.note, w.created_at as "createdAt",
            w.finished_at as "finishedAt"
     from webhook_deliveries w join messages m on m.id = w.message_id
     where ($1::text is null or w.status = $1) and ($2::uuid is null or w.subscription_id = $2)
       and ($3::uuid is null or w.id > $3) order by w.id limit $4`,
    [query.status, query.subscriptionId, query.after, query.limit],
  )
}

/** Puts dead letters back: the one named, or all of a subscription. @returns their ids. */
export async function reviveWebhooks(
  tx: Db,
  { id, subscriptionId, limit }: { id?: string; subscriptionId?: string; limit: number },
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update webhook_deliveries set status = 'pending', tries = 0, lease_until = null, finished_at = null
     where id in (
       select id from webhook_deliveries
       where status = 'dead' and ($1::uuid is null or id = $1) and ($2::uuid is null or subscription_id = $2)
       order by id limit $3 for update)
     returning id`,
    [id ?? null, subscriptionId ?? null, limit],
  )
  return rows.map((row) => row.id)
}

/** Forgets messages, with what was sent to subscribers, that ended long ago; for a recurring job. */
export async function forgetOldMessages(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from messages where id in (
       select id from messages where finished_at < now() - make_interval(days => $2)
         and not exists (select from webhook_deliveries w where w.message_id = messages.id and w.status = 'pending')
       limit $1 for update skip locked)
     returning 1`,
    [KEPT_DAYS],
  )
}
