import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { openStatuses } from '../dispatch/route.ts'
import { lockRoutes } from '../dispatch/route-store.ts'
import { writeEtas } from '../driver/write-etas.ts'
import { recordDueMessages } from '../messages/record-due-messages.ts'
import { recordChanges } from '../stream/record-changes.ts'

export const REFRESH_EVERY_MS = 30_000
const FRESH_SECONDS = 25
const ROUTES_AT_A_TIME = 100
/** A customer's page moves when the arrival has moved by this much. */
const WORTH_TELLING_MS = 2 * 60_000

/**
 * Brings the expected arrivals of routes under way up to date as time passes and vans move; for a recurring job.
 * Replicas share the routes. What has moved noticeably is told to its customers, and delays become messages.
 */
export async function refreshEtas(ctx: Context): Promise<void> {
  const due = await ctx.db.query<{ id: string }>(
    `update routes set etas_at = now() where id in (
       select id from routes
       where status = 'started' and (etas_at is null or etas_at < now() - make_interval(secs => $1))
       order by etas_at nulls first limit $2 for update skip locked)
     returning id`,
    [FRESH_SECONDS, ROUTES_AT_A_TIME],
  )
  for (const { id } of due) await refreshRoute(ctx, id)
}

async function refreshRoute(ctx: Context, id: string): Promise<void> {
  await recordChanges(ctx, async (tx, changes) => {
    const [route] = await lockRoutes(tx, [id])
    if (route?.status !== 'started') return
    await writeEtas(tx, route, ctx.now())
    for (const orderId of await listMoved(tx, id)) changes.toCustomer(orderId, 'delivery.eta')
    // Also those of whom nothing is told: each minute is too little to tell, and in the end the window is over.
    const open = route.stops.filter(({ status }) => openStatuses.includes(status))
    await recordDueMessages(
      ctx,
      tx,
      open.map(({ orderId }) => orderId),
    )
  })
}

/** The orders whose arrival is noticeably another than the one that was told last, however slowly it has moved. */
async function listMoved(tx: Db, routeId: string): Promise<string[]> {
  const rows = await tx.query<{ order_id: string }>(
    `select order_id from stops
     where route_id = $1 and status in ('pending', 'arrived') and (told_eta is null or
       abs(extract(epoch from eta - told_eta)) * 1000 >= $2::integer)`,
    [routeId, WORTH_TELLING_MS],
  )
  return rows.map(({ order_id }) => order_id)
}
