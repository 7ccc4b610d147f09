import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { localDateAt } from '../local-date.ts'
import { queueRepair } from './request-plan.ts'

/** Why a day is repaired without anybody asking. */
export type RepairCause = 'late_order' | 'retry' | 'break_down' | 'driver_behind' | 'let_go'

/**
 * Queues a repair when the delivery's window is today and the day's plan is in force. For later days the next plan
 * comes soon enough.
 */
export async function repairDayOf(ctx: Context, tx: Db, orderId: string, cause: RepairCause): Promise<void> {
  const [window] = await tx.query<{ hub_id: string; time_zone: string; starts_at: Date }>(
    `select w.hub_id, h.time_zone, w.starts_at
     from deliveries d join delivery_windows w on w.id = d.window_id join hubs h on h.id = w.hub_id
     where d.order_id = $1`,
    [orderId],
  )
  if (window === undefined) return
  const { hub_id: hubId, time_zone: timeZone, starts_at: startsAt } = window
  const date = localDateAt(startsAt, timeZone)
  if (date === localDateAt(ctx.now(), timeZone)) await queueRepair(ctx, tx, { hubId, date, cause })
}
