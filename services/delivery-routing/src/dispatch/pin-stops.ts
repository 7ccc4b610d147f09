import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { findChangeableRoute, lockUnchanged } from './manual-control.ts'
import type { Route, Stop } from './route.ts'

/** Keeps a stop on its route, and with `place` also at its place at the head of it; null lets go of it. */
export async function pinStop(
  ctx: Context,
  stopId: string,
  { pin, version }: { pin: Stop['pin']; version?: number | undefined },
): Promise<Route['id']> {
  const [found] = await ctx.db.query<{ route_id: string }>(
    `select route_id from stops where id = $1 and status <> 'removed'`,
    [stopId],
  )
  if (found === undefined) throw notFound('stop_not_found', `There is no stop ${stopId}`)
  const { route } = await findChangeableRoute(ctx.db, found.route_id, version)
  if (!route.stops.some(({ id }) => id === stopId)) {
    throw conflict('route_changed', `The stop ${stopId} has just moved; read it again`)
  }
  await writePins(ctx, route, [stopId], pin)
  return route.id
}

/** Lets go of everything that people settled about a route, the choice of the driver included. */
export async function unpinRoute(ctx: Context, routeId: string, version?: number): Promise<void> {
  const { route } = await findChangeableRoute(ctx.db, routeId, version)
  await writePins(
    ctx,
    route,
    route.stops.map(({ id }) => id),
    null,
    true,
  )
}

/** Pins are of no concern to the driver, but the version counts them, so that the next person sees them. */
async function writePins(
  ctx: Context,
  route: Route,
  stopIds: readonly string[],
  pin: Stop['pin'],
  freeDriver = false,
): Promise<void> {
  await recordChanges(ctx, async (tx) => {
    await lockUnchanged(tx, [route])
    await tx.query('update stops set pin = $2, updated_at = now() where id = any($1::uuid[])', [stopIds, pin])
    await tx.query(
      `update routes set version = version + 1, updated_at = now(),
         driver_pinned = driver_pinned and not $2
       where id = $1`,
      [route.id, freeDriver],
    )
  })
}
