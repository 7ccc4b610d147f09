import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import { openStatuses, type Route, type Stop } from '../dispatch/route.ts'
import type { Changes } from '../stream/record-changes.ts'
import type { StopReport } from './stop-report.ts'
import { writeEtas } from './write-etas.ts'

type Application = { route: Route; stop: Stop; report: StopReport; verdict: 'apply' | 'note_arrival' }

/** Writes a report that counts: the stop, the delivery, the route and its ETAs, and the news of it. */
export async function applyReport(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { route, stop, report, verdict }: Application,
): Promise<void> {
  const at = plausible(report.occurredAt, route, ctx.now())
  const after =
    verdict === 'note_arrival' ? await noteArrival(tx, stop, at) : await writeStop(tx, stop, report, at)
  const stops = route.stops.map((each) => (each.id === stop.id ? after : each))
  await writeEtas(tx, { ...route, stops }, ctx.now())
  const isFinished = stops.every(({ status }) => !openStatuses.includes(status))
  const [written] = await tx.query<{ version: number }>(
    `update routes set version = version + 1, updated_at = now(),
       status = case when $2 then 'completed' else status end,
       completed_at = case when $2 then coalesce(completed_at, $3) else completed_at end
     where id = $1 returning version`,
    [route.id, isFinished, at],
  )
  const version = written?.version
  changes.toDriver(route.driverId, `stop.${after.status}`, { routeId: route.id, version, stopId: stop.id })
  for (const { orderId, status } of stops) {
    if (openStatuses.includes(status) || orderId === stop.orderId)
      changes.toCustomer(orderId, 'delivery.progress')
  }
  if (verdict === 'apply') await tellOthers(ctx, tx, stop, report, at)
}

/** A phone's clock may be wrong: nothing happens before the route was started or after now. */
function plausible(occurredAt: Date, { startedAt }: Route, now: Date): Date {
  const earliest = startedAt?.getTime() ?? 0
  return new Date(Math.min(now.getTime(), Math.max(earliest, occurredAt.getTime())))
}

async function noteArrival(tx: Db, stop: Stop, at: Date): Promise<Stop> {
  const arrivedAt = new Date(Math.min(at.getTime(), stop.completedAt?.getTime() ?? at.getTime()))
  await tx.query('update stops set arrived_at = $2, updated_at = now() where id = $1', [stop.id, arrivedAt])
  return { ...stop, arrivedAt }
}

const statusAfter = { arrive: 'arrived', deliver: 'delivered', fail: 'failed' } as const

async function writeStop(tx: Db, stop: Stop, report: StopReport, at: Date): Promise<Stop> {
  const status = statusAfter[report.type]
  const arrivedAt = report.type === 'arrive' ? at : stop.arrivedAt
  const completedAt = report.type === 'arrive' ? null : at
  await tx.query(
    `update stops set status = $2, arrived_at = $3, completed_at = $4, outcome = $5::jsonb, updated_at = now()
     where id = $1`,
    [stop.id, status, arrivedAt, completedAt, outcomeOf(report)],
  )
  await tx.query(
    `update deliveries set status = $2, updated_at = now(),
       delivered_at = case when $2 = 'delivered' then $3::timestamptz end, failure_reason = $4
     where order_id = $1`,
    [stop.orderId, status, at, report.type === 'fail' ? report.reason : null],
  )
  return { ...stop, status, arrivedAt, completedAt }
}

function outcomeOf(report: StopReport): string | null {
  if (report.type === 'deliver') return JSON.stringify({ proof: report.proof })
  return report.type === 'fail' ? JSON.stringify({ reason: report.reason }) : null
}

async function tellOthers(ctx: Context, tx: Db, stop: Stop, report: StopReport, at: Date): Promise<void> {
  const { orderId } = stop
  if (report.type === 'deliver') {
    const deliveredAt = at.toISOString()
    await publishDeliveryEvents(ctx, tx, 'delivery.delivered', [{ orderId, deliveredAt }])
  }
  if (report.type === 'fail') {
    await publishDeliveryEvents(ctx, tx, 'delivery.failed', [{ orderId, reason: report.reason }])
  }
}
