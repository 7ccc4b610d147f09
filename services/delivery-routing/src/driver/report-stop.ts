import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import type { Route, Stop } from '../dispatch/route.ts'
import { lockRoutes } from '../dispatch/route-store.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { applyReport } from './apply-report.ts'
import { judge, type StopAnswer, type StopReport } from './stop-report.ts'

/**
 * Records what a driver says of a stop on the route that they have started. The same outcome again gives the
 * first answer; another one is 409. `also` writes in the same transaction.
 */
export async function reportStop(
  ctx: Context,
  { driverId, stopId }: { driverId: string; stopId: string },
  report: StopReport,
  also: (tx: Db) => Promise<void> = async () => undefined,
): Promise<StopAnswer> {
  const result = await recordChanges(ctx, async (tx, changes) => {
    const { route, stop } = await lockStop(tx, driverId, stopId)
    const verdict = judge(stop, report)
    if (verdict === 'contradict') {
      throw conflict('stop_outcome_conflict', `The stop was reported as ${stop.status} already`, {
        extra: { outcome: stop.status },
      })
    }
    if (verdict !== 'repeat') await applyReport(ctx, tx, changes, { route, stop, report, verdict })
    await also(tx)
    return { verdict, stop, answer: await readAnswer(tx, stopId, report.type) }
  })
  if (result.verdict === 'apply' && report.type !== 'arrive') count(ctx, result.stop, report)
  return result.answer
}

/** 404 for a stop of another driver, as for one that does not exist. */
async function lockStop(tx: Db, driverId: string, stopId: string): Promise<{ route: Route; stop: Stop }> {
  const [found] = await tx.query<{ route_id: string }>(
    `select s.route_id from stops s join routes r on r.id = s.route_id
     where s.id = $1 and s.status <> 'removed' and r.driver_id = $2`,
    [stopId, driverId],
  )
  const [route] = found === undefined ? [] : await lockRoutes(tx, [found.route_id])
  const stop = route?.stops.find(({ id }) => id === stopId)
  if (route === undefined || stop === undefined || route.driverId !== driverId) {
    throw notFound('stop_not_found', `There is no stop ${stopId} on a route of yours`)
  }
  if (route.status === 'planned') {
    throw conflict('route_not_started', 'Start the route first: POST /v1/driver/route/start')
  }
  return { route, stop }
}

/** The answer comes from what was recorded first, and never changes after that. */
async function readAnswer(tx: Db, stopId: string, type: StopReport['type']): Promise<StopAnswer> {
  const [row] = await tx.query<{
    order_id: string
    status: 'arrived' | 'delivered' | 'failed'
    arrived_at: Date | null
    completed_at: Date | null
    proof: 'photo' | 'signature' | 'code' | null
    reason: string | null
  }>(
    `select order_id, status, arrived_at, completed_at, outcome->'proof'->>'kind' as proof,
            outcome->>'reason' as reason
     from stops where id = $1`,
    [stopId],
  )
  if (row === undefined) throw new Error(`The stop ${stopId} is gone`)
  const arrival = { id: stopId, orderId: row.order_id, arrivedAt: row.arrived_at?.toISOString() ?? null }
  if (type === 'arrive') return { ...arrival, status: 'arrived', completedAt: null }
  return {
    ...arrival,
    status: row.status,
    completedAt: row.completed_at?.toISOString() ?? null,
    ...(row.proof === null ? {} : { proof: { kind: row.proof } }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  }
}

function count(ctx: Context, stop: Stop, report: StopReport): void {
  ctx.metrics.stops.inc({ outcome: report.type === 'deliver' ? 'delivered' : 'failed' })
  if (report.type !== 'deliver') return
  const outcome =
    report.occurredAt > stop.windowEnd ? 'late' : report.occurredAt < stop.windowStart ? 'early' : 'on_time'
  ctx.metrics.punctuality.inc({ outcome })
}
