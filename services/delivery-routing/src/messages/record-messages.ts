import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import type { MessageKind } from './message.ts'

/** The job that gives messages to the mail and to the subscribers. */
export const SPREAD_MESSAGES = 'spread_messages'

/**
 * Writes what customers are to be told, in the transaction that made it true. An order's message of a kind is written
 * once for each attempt of its delivery, so saying it again does nothing, but that a delivery which nobody was told of
 * yet is told as it is known now. An attempt is the stop that the order has, or else the one that was completed last.
 */
export async function recordMessages(
  ctx: Context,
  tx: Db,
  kind: MessageKind,
  orderIds: readonly string[],
): Promise<void> {
  if (orderIds.length === 0) return
  const written = await tx.query<{ id: string }>(
    `insert into messages (id, order_id, stop_id, kind, facts)
     select given.id, d.order_id, s.id, $3, jsonb_build_object(
              'orderNumber', d.number,
              'window', jsonb_build_object('start', ${isoOf('w.starts_at')}, 'end', ${isoOf('w.ends_at')}),
              'timeZone', h.time_zone,
              'eta', case when s.completed_at is null then ${isoOf('s.eta')} end,
              'completedAt', ${isoOf('s.completed_at')},
              'reason', case when $3 = 'failed' then d.failure_reason end,
              'undelivered', case when $3 = 'delivered' and s.undelivered is not null then
                jsonb_build_object('parcels', s.undelivered->'parcels', 'ofParcels', d.parcels) end)
     from unnest($1::uuid[], $2::uuid[]) as given (id, order_id)
     join deliveries d on d.order_id = given.order_id
     join delivery_windows w on w.id = d.window_id
     join hubs h on h.id = w.hub_id
     join lateral (
       select id, eta, completed_at, outcome->'undelivered' as undelivered from stops where order_id = d.order_id and status <> 'removed'
       order by status in ('pending', 'arrived') desc, completed_at desc nulls last limit 1
     ) s on true
     on conflict (order_id, kind, stop_id) do update set facts = excluded.facts
       where messages.kind = 'delivered' and messages.status = 'pending' and messages.tries = 0
     returning id`,
    [orderIds.map(() => newId()), orderIds, kind],
  )
  if (written.length === 0) return
  await ctx.jobs.enqueue(tx, SPREAD_MESSAGES, { messageIds: written.map(({ id }) => id) })
}

/** A moment as the contract writes it. */
function isoOf(column: string): string {
  return `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}
