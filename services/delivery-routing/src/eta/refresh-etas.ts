import type { Context } from '../context.ts'
import { openStatuses, type Route } from '../dispatch/route.ts'
import { lockRoutes } from '../dispatch/route-store.ts'
import { writeEtas } from '../driver/write-etas.ts'
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
    const [before] = await lockRoutes(tx, [id])
    if (before?.status !== 'started') return
    const etas = await writeEtas(tx, before, ctx.now())
    for (const orderId of moved(before, etas)) changes.toCustomer(orderId, 'delivery.eta')
  })
}

function moved({ stops }: Route, etas: ReadonlyMap<string, Date>): string[] {
  return stops
    .filter(({ status }) => openStatuses.includes(status))
    .filter(
      ({ id, eta }) =>
        Math.abs((etas.get(id)?.getTime() ?? eta.getTime()) - eta.getTime()) >= WORTH_TELLING_MS,
    )
    .map(({ orderId }) => orderId)
}
