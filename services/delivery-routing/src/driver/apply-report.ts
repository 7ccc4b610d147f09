import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import { openStatuses, type Stop } from '../dispatch/route.ts'
import type { Changes } from '../stream/record-changes.ts'
import type { LockedStop } from './lock-stop.ts'
import type { Merge } from './merge-report.ts'
import type { StopReport } from './stop-report.ts'
import { writeEtas } from './write-etas.ts'

type Application = LockedStop & { report: StopReport; merge: Merge; verified: boolean | null }

/** Writes what a report changed: the stop, the delivery, the route and its ETAs, and the news of it. */
export async function applyReport(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { route, stop, report, merge, verified }: Application,
): Promise<void> {
  if (!merge.arrivalIsNew && !merge.outcomeIsNew) return
  const after: Stop = { ...stop, ...merge.state }
  await writeStop(tx, stop, merge, outcomeOf(report, verified))
  const isWritten =
    (after.status !== stop.status || merge.outcomeIsNew) && (await writeDelivery(tx, after, report))
  const stops = route.stops.map((each) => (each.id === stop.id ? after : each))
  await writeEtas(tx, { ...route, stops }, ctx.now())
  const isFinished = stops.every(({ status }) => !openStatuses.includes(status))
  const [written] = await tx.query<{ version: number }>(
    `update routes set version = version + 1, updated_at = now(),
       status = case when $2 then 'completed' else status end,
       completed_at = case when $2 then $3::timestamptz else completed_at end
     where id = $1 returning version`,
    [route.id, isFinished, lastCompletion(stops)],
  )
  const version = written?.version
  changes.toDriver(route.driverId, `stop.${after.status}`, { routeId: route.id, version, stopId: stop.id })
  for (const { orderId, status } of stops) {
    if (openStatuses.includes(status) || orderId === stop.orderId)
      changes.toCustomer(orderId, 'delivery.progress')
  }
  if (merge.outcomeIsNew && isWritten) await tellOthers(ctx, tx, stop, report)
}

function lastCompletion(stops: readonly Stop[]): Date | null {
  const times = stops.map(({ completedAt }) => completedAt?.getTime() ?? 0)
  return times.length === 0 ? null : new Date(Math.max(...times))
}

async function writeStop(
  tx: Db,
  stop: Stop,
  { state, outcomeIsNew }: Merge,
  outcome: object | null,
): Promise<void> {
  const { status, arrivedAt, completedAt, outcomeKey } = state
  await tx.query(
    `update stops set status = $2, arrived_at = $3, completed_at = $4, updated_at = now(),
       outcome = case when $5 then $6::jsonb else outcome end,
       outcome_occurred_at = $7, outcome_event_id = $8
     where id = $1`,
    [
      stop.id,
      status,
      arrivedAt,
      completedAt,
      outcomeIsNew,
      outcome === null ? null : JSON.stringify(outcome),
      outcomeKey?.occurredAt ?? null,
      outcomeKey?.eventId ?? null,
    ],
  )
}

/** False where something else was decided since about a failed try: then an older report of it changes no more. */
async function writeDelivery(
  tx: Db,
  { id, orderId, status, completedAt }: Stop,
  report: StopReport,
): Promise<boolean> {
  const written = await tx.query(
    `update deliveries set status = $2, updated_at = now(),
       delivered_at = case when $2 = 'delivered' then $3::timestamptz end, failure_reason = $4
     where order_id = $1 and status in ('loaded', 'arrived', 'failed', 'delivered') and not exists (
       select from stops s where s.order_id = $1 and s.id <> $5 and s.status in ('pending', 'arrived', 'delivered'))
     returning order_id`,
    [orderId, status, completedAt, report.type === 'fail' ? report.reason : null, id],
  )
  return written.length > 0
}

function outcomeOf(report: StopReport, verified: boolean | null): object | null {
  switch (report.type) {
    case 'arrive':
      return null
    case 'deliver': {
      const { proof, leftAtDoor, undelivered, codeReason } = report
      return {
        proof: verified === null ? proof : { ...proof, verified },
        ...(leftAtDoor && { leftAtDoor }),
        ...(undelivered !== null && { undelivered }),
        ...(codeReason !== null && { codeReason }),
      }
    }
    case 'fail': {
      const { reason, code, note } = report
      return { reason, code, ...(note !== null && { note }) }
    }
  }
}

async function tellOthers(ctx: Context, tx: Db, stop: Stop, report: StopReport): Promise<void> {
  const { orderId } = stop
  if (report.type === 'deliver') {
    const deliveredAt = report.at.toISOString()
    const { undelivered } = report
    const news = { orderId, deliveredAt, ...(undelivered !== null && { undelivered }) }
    await publishDeliveryEvents(ctx, tx, 'delivery.delivered', [news])
  }
  if (report.type === 'fail') {
    await publishDeliveryEvents(ctx, tx, 'delivery.failed', [{ orderId, reason: report.reason }])
  }
}
