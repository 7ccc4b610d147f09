import { forbidden } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { clockSkewMs } from '../driver/clock.ts'
import { recordChanges } from '../stream/record-changes.ts'
import type { Stream } from '../stream/route-events.ts'
import { filterFixes, rejections } from './filter-fixes.ts'
import { type DriverPosition, type Fix, toFix } from './fix.ts'
import { type Crossing, crossedFences } from './geofence.ts'
import { findLivePosition, type LivePosition, writeLivePosition } from './live-position.ts'
import { thinTrack } from './thin-track.ts'
import { keepPositions, keepTrackPartitions, type NextStopRow, PartitionMissing } from './track-store.ts'

const CLOCK_TOLERANCE_MS = 30_000

export const PositionsAnswer = z.object({ accepted: z.int(), ignored: z.int() })

/**
 * Takes a batch of positions: those that can be true move the van on the map, leave a thinned track and may show that
 * the van comes near its next stop. Those that cannot are counted and ignored, because a phone would only send them
 * again.
 */
export async function recordPositions(
  ctx: Context,
  driverId: string,
  positions: readonly z.infer<typeof DriverPosition>[],
  sentAt: Date | null = null,
): Promise<z.infer<typeof PositionsAnswer>> {
  if (positions.length === 0) return { accepted: 0, ignored: 0 }
  const live = await findLivePosition(ctx, driverId)
  const correctionMs = correctionOf(sentAt, ctx.now())
  const fixes = positions.map(toFix).map((fix) => ({ ...fix, at: fix.at + correctionMs }))
  const { accepted, rejected } = filterFixes(fixes, {
    previous: live?.last ?? null,
    seen: new Set(live?.seen),
    now: ctx.now().getTime(),
    speedMaxMps: ctx.config.positionSpeedMaxMps,
  })
  const newest = accepted.at(-1)
  if (newest !== undefined) {
    const track = thinTrack(live?.kept ?? null, accepted)
    await keep(ctx, driverId, { newest, track })
    void writeLivePosition(ctx, driverId, following(live, { accepted, newest, track }))
  }
  ctx.metrics.positions.inc({ outcome: 'accepted' }, accepted.length)
  for (const why of rejections) {
    const count = rejected.filter((each) => each.why === why).length
    if (count > 0) ctx.metrics.positions.inc({ outcome: why }, count)
  }
  return { accepted: accepted.length, ignored: rejected.length }
}

/** What is known after a batch, which may be older than what was known before. */
function following(
  live: LivePosition | null,
  { accepted, newest, track }: { accepted: Fix[]; newest: Fix; track: Fix[] },
): LivePosition {
  const later = (known: Fix | null, given: Fix | undefined) =>
    given !== undefined && (known === null || given.at > known.at) ? given : known
  return {
    last: later(live?.last ?? null, newest) ?? newest,
    kept: later(live?.kept ?? null, track.at(-1)),
    seen: [...(live?.seen ?? []), ...accepted.map(({ at }) => at)],
  }
}

/**
 * What to add to the phone's clock, where it is wrong by more than a batch takes to get here; in whole seconds, so that
 * a position that is sent again is known again.
 */
function correctionOf(sentAt: Date | null, now: Date): number {
  const skewMs = clockSkewMs(sentAt, now) ?? 0
  return Math.abs(skewMs) > CLOCK_TOLERANCE_MS ? Math.round(skewMs / 1000) * 1000 : 0
}

async function keep(ctx: Context, driverId: string, batch: { newest: Fix; track: Fix[] }): Promise<void> {
  const { isKnown, next } = await keepPositions(ctx.db, driverId, batch).catch(async (err: unknown) => {
    if (!(err instanceof PartitionMissing)) throw err
    // After a long rest no recurring job has made today's yet.
    await keepTrackPartitions(ctx)
    return keepPositions(ctx.db, driverId, batch)
  })
  if (!isKnown) throw forbidden('driver_unknown', 'Your account is not among our drivers')
  if (next === null) return
  const { latitude, longitude } = next
  const stop = { latitude, longitude, isApproached: next.is_approached, isReached: next.is_reached }
  const crossings = next.is_pending ? crossedFences(stop, batch.newest) : []
  if (crossings.length > 0) await tellCrossings(ctx, driverId, next, crossings)
  // Only the customer who is next sees the van, so only that customer's stream is told.
  const streams: Stream[] = [`order:${next.order_id}`]
  ctx.feed.announce(streams)
}

/** Tells the driver and the customer once. What a fence says is a hint, so the stop itself stays as it is. */
async function tellCrossings(
  ctx: Context,
  driverId: string,
  { route_id: routeId, stop_id: stopId, order_id: orderId }: NextStopRow,
  crossings: readonly Crossing[],
): Promise<void> {
  await recordChanges(ctx, async (tx, changes) => {
    for (const crossing of crossings) {
      const column = crossing === 'approaching' ? 'approached_at' : 'reached_at'
      const first = await tx.query(
        `update stops set ${column} = $2 where id = $1 and status = 'pending' and ${column} is null returning id`,
        [stopId, ctx.now()],
      )
      if (first.length === 0) continue
      changes.toDriver(driverId, `stop.${crossing}`, { routeId, stopId })
      changes.toCustomer(orderId, `delivery.${crossing}`)
    }
  })
}
