import { ServiceError } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import type { Hub } from '../fleet/hub.ts'
import { findHub } from '../fleet/hub-store.ts'
import { addDays, datesBetween, localDateAt } from '../local-date.ts'
import { isBeforeCutOff } from '../windows/find-windows.ts'
import { type DeliveryWindow, insertMissingWindows, listWindows } from '../windows/window-store.ts'
import { giveUpDelivery, rescheduleDelivery } from './decide-failure.ts'

const BATCH = 50
/** A delivery that failed twice comes back. */
const TRIES_AT_MOST = 2
/** Another try is made within so many days, or not at all. */
const DAYS_AHEAD = 3
/** Trying again would end the same way. */
const FINAL_REASONS = ['refused', 'damaged', 'wrong_goods']

type Failed = { orderId: string; hubId: string; startsAt: Date; reason: string | null; tries: number }

/**
 * The rule for failed deliveries that no dispatcher has decided about in time: the first failure gets the same window
 * of the next day that has a place, the second one comes back, as does what was refused or damaged. Two replicas may
 * decide at once; the second finds the delivery decided. One that cannot be decided keeps none of the others waiting;
 * it is tried again with the next run.
 * @throws what the first of those met, once all were tried.
 */
export async function decideByDefault(ctx: Context): Promise<void> {
  const errors: unknown[] = []
  for (const failed of await listUndecided(ctx)) {
    try {
      await decide(ctx, failed)
    } catch (err) {
      if (!(err instanceof ServiceError) || err.code !== 'delivery_not_decidable') errors.push(err)
    }
  }
  if (errors.length > 0) throw errors[0]
}

async function decide(ctx: Context, failed: Failed): Promise<void> {
  const { orderId, reason, tries } = failed
  const decision = { orderId, decidedBy: null, reason: `Rule: ${reason ?? 'failed'}, ${tries} so far` }
  const isFinal = tries >= TRIES_AT_MOST || FINAL_REASONS.includes(reason ?? '')
  const hub = isFinal ? null : await findHub(ctx.db, failed.hubId)
  if (hub !== null) {
    for (const window of await sameHourWindows(ctx, hub, failed.startsAt)) {
      try {
        return await rescheduleDelivery(ctx, decision, { window, hubId: hub.id })
      } catch (err) {
        const isTaken =
          err instanceof ServiceError &&
          (err.code === 'window_unavailable' || err.code === 'not_back_in_time')
        if (!isTaken) throw err
      }
    }
  }
  await giveUpDelivery(ctx, decision)
}

/** The windows of the next days that start at the same hour, as far as they are open. */
async function sameHourWindows(ctx: Context, hub: Hub, startsAt: Date): Promise<DeliveryWindow[]> {
  const today = localDateAt(ctx.now(), hub.timeZone)
  const first = addDays(today, 1)
  const last = addDays(today, DAYS_AHEAD)
  await insertMissingWindows(ctx.db, hub, datesBetween(first, last))
  const hourOf = new Intl.DateTimeFormat('en-US', {
    timeZone: hub.timeZone,
    hour: 'numeric',
    hourCycle: 'h23',
  })
  const hour = hourOf.format(startsAt)
  const windows = await listWindows(ctx.db, hub, first, last)
  return windows.filter((window) => {
    return !window.full && hourOf.format(new Date(window.start)) === hour && isBeforeCutOff(ctx, window)
  })
}

async function listUndecided(ctx: Context): Promise<Failed[]> {
  return ctx.db.query<Failed>(
    `select d.order_id as "orderId", w.hub_id as "hubId", w.starts_at as "startsAt", d.failure_reason as reason,
            (select count(*)::int from stops s where s.order_id = d.order_id and s.status = 'failed') as tries
     from deliveries d join delivery_windows w on w.id = d.window_id
     where d.status = 'failed' and d.updated_at < now() - make_interval(secs => $1::double precision / 1000)
     order by d.updated_at limit $2`,
    [ctx.config.failureDecisionMs, BATCH],
  )
}
