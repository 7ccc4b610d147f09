import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { recordMessages } from './record-messages.ts'

/** A customer is told of a delay that is longer than what nobody would notice. */
const NOTICED_DELAY_MINUTES = 10

/**
 * Writes the messages that follow from where a started route stands rather than from one report: that an order is the
 * next stop, and that it is expected well after its window.
 */
export async function recordDueMessages(ctx: Context, tx: Db, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return
  const due = await tx.query<{ order_id: string; is_next: boolean; is_late: boolean }>(
    `select s.order_id, not told.kinds @> '{next_stop}' and not exists (
              select from stops o where o.route_id = s.route_id and o.position < s.position
                and o.status in ('pending', 'arrived')) as is_next,
            not told.kinds @> '{delayed}' and s.eta > w.ends_at + make_interval(mins => $2) as is_late
     from stops s join routes r on r.id = s.route_id
     join deliveries d on d.order_id = s.order_id join delivery_windows w on w.id = d.window_id
     cross join lateral (
       select coalesce(array_agg(m.kind), '{}') as kinds from messages m
       where m.order_id = s.order_id and m.stop_id = s.id
     ) told
     where s.order_id = any($1::uuid[]) and s.status = 'pending' and r.status = 'started'`,
    [orderIds, NOTICED_DELAY_MINUTES],
  )
  const those = (which: 'is_next' | 'is_late') => due.filter((row) => row[which]).map((row) => row.order_id)
  await recordMessages(ctx, tx, 'next_stop', those('is_next'))
  await recordMessages(ctx, tx, 'delayed', those('is_late'))
}
