import type { Context } from '../context.ts'
import { RELOAD_MS } from './plannable.ts'
import { queueRepair } from './request-plan.ts'

const DAYS_AT_MOST = 50

/**
 * A driver who is so far behind that the van cannot leave for its next route in time: a repair of the day gives what
 * would be late to others. Once it is stored the next route leaves later, so that nothing is left to repair.
 */
export async function watchDrivers(ctx: Context): Promise<void> {
  const days = await ctx.db.query<{ hubId: string; date: string }>(
    `select distinct next.hub_id as "hubId", next.local_date::text as date
     from routes now_on join routes next on next.shift_id = now_on.shift_id and next.status = 'planned'
     cross join lateral (
       select greatest(now_on.ends_at, max(s.eta)) as back_at from stops s
       where s.route_id = now_on.id and s.status in ('pending', 'arrived')
     ) as back
     where now_on.status = 'started'
       and next.starts_at + interval '2 minutes' < back.back_at + make_interval(secs => $1::double precision / 1000)
     limit $2`,
    [RELOAD_MS, DAYS_AT_MOST],
  )
  for (const day of days) {
    await ctx.db.transaction((tx) => queueRepair(ctx, tx, { ...day, cause: 'driver_behind' }))
  }
}
