import type { Db } from '@urbanbloom/service-kit/db'
import { ServiceError } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { findChangeableRoute, lockUnchanged, writeOrder } from './manual-control.ts'
import { retime } from './retime.ts'

export const RETIME_ROUTE = 'retime_route'

/** After a stop has left a route: the job computes the times of those that stay. */
export async function queueRetime(ctx: Context, tx: Db, routeId: string): Promise<void> {
  await ctx.jobs.enqueue(tx, RETIME_ROUTE, { routeId }, { jobKey: `retime:${routeId}` })
}

const MAX_TRIES = 5

/** A route that is not planned any more needs no times; one that changes meanwhile is timed again. */
export async function retimeRoute(ctx: Context, { routeId }: { routeId: string }): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await retimeOnce(ctx, routeId)
    } catch (err) {
      if (!(err instanceof ServiceError)) throw err
      if (err.code === 'route_not_found' || err.code === 'route_started') return
      if (err.code !== 'route_changed' || attempt === MAX_TRIES) throw err
    }
  }
}

async function retimeOnce(ctx: Context, routeId: string): Promise<void> {
  const { route, hub } = await findChangeableRoute(ctx.db, routeId)
  const retimed = await retime(ctx, hub, route, route.stops)
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    await writeOrder(ctx, tx, changes, { route, retimed, pinOf: ({ pin }) => pin })
  })
}
