import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { refuseWorse } from './find-violations.ts'
import { findChangeableRoute, lockUnchanged, type Manner } from './manual-control.ts'
import { retime } from './retime.ts'

/**
 * Gives a planned route to another driver; planning again keeps the choice. Refused, unless forced, for a driver who
 * cannot do what its plants need. Two drivers swap routes by two assignments, so one may hold both for a while; only
 * one of them can be under way.
 */
export async function assignRoute(
  ctx: Context,
  routeId: string,
  { driverId, version, force = false }: Manner & { driverId: string },
): Promise<void> {
  const { route, hub } = await findChangeableRoute(ctx.db, routeId, version)
  const drivers = await ctx.db.query(`select id from drivers where id = $1 and status = 'active'`, [driverId])
  if (drivers.length === 0) throw unprocessable('driver_unknown', `There is no active driver ${driverId}`)
  if (!force && route.driverId !== driverId) {
    const [before, after] = await Promise.all([
      retime(ctx, hub, route, route.stops),
      retime(ctx, hub, { ...route, driverId }, route.stops),
    ])
    refuseWorse(before.violations, after.violations)
  }
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    const [assigned] = await tx.query<{ version: number }>(
      `update routes set driver_id = $2, driver_pinned = true, version = version + 1, updated_at = now()
       where id = $1 and status = 'planned' and version = $3 returning version`,
      [routeId, driverId, route.version],
    )
    if (assigned === undefined) {
      throw conflict('route_changed', `The route ${routeId} has just changed; read it again`)
    }
    if (route.driverId !== driverId) changes.toDriver(route.driverId, 'route.removed', { routeId })
    changes.toDriver(driverId, 'route.planned', { routeId, version: assigned.version })
  })
}
