import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import type { Route } from '../dispatch/route.ts'
import { listRoutesOfDay, lockRoutes } from '../dispatch/route-store.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { commitmentsOf, type Day } from './day.ts'
import type { NewPlan } from './from-solution.ts'
import { type Claim, finishPlan, lockClaim } from './plan-store.ts'
import {
  lockPlannableDeliveries,
  setDeliveryStatus,
  supersedeRoutes,
  takeOverRoutes,
  writeRoutes,
  writeStops,
} from './plan-writes.ts'
import { enqueueNextPlan } from './request-plan.ts'

type Solved = { claim: Claim; day: Day; plan: NewPlan; travelSource: string | null }

/**
 * Puts a plan in force in one transaction. Routes that a driver has started stay as they are; all others of the
 * day become what the plan says. A delivery that was released during the solve is dropped.
 * @returns `changed` when routes were started or pinned during the solve, so that the day must be solved again;
 * `lost` when another run has taken the plan over. Nothing is written then.
 */
export async function storePlan(ctx: Context, solved: Solved): Promise<'done' | 'changed' | 'lost'> {
  const { claim, day, plan } = solved
  const outcome = await recordChanges(ctx, async (tx, changes) => {
    await lockDay(tx, claim)
    if (!(await lockClaim(tx, claim))) return 'lost'
    const known = await listRoutesOfDay(tx, { hubId: claim.hubId, date: claim.date })
    const before = await lockRoutes(
      tx,
      known.map(({ id }) => id),
    )
    if (commitmentsOf(before) !== commitmentsOf(day.routes)) return 'changed'
    await putInForce(ctx, tx, changes, solved, before)
    await enqueueNextPlan(ctx, tx, claim)
    return 'done'
  })
  if (outcome === 'done') {
    const planned = plan.routes.reduce((sum, { stops }) => sum + stops.length, 0)
    ctx.metrics.plannedStops.inc({ outcome: 'planned' }, planned)
    ctx.metrics.plannedStops.inc({ outcome: 'unassigned' }, plan.unassigned.length)
  }
  return outcome
}

/** Plans of one hub and day are stored one after the other. */
async function lockDay(tx: Db, { hubId, date }: Claim): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`plan:${hubId}:${date}`])
}

async function putInForce(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { claim, plan, travelSource }: Solved,
  before: readonly Route[],
): Promise<void> {
  const wanted = [
    ...plan.routes.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)),
    ...before
      .filter(({ status }) => status === 'planned')
      .flatMap(({ stops }) => stops.map((s) => s.orderId)),
  ]
  const plannable = await lockPlannableDeliveries(tx, [...new Set(wanted)])
  const routes = plan.routes
    .map((route) => ({ ...route, stops: route.stops.filter(({ orderId }) => plannable.has(orderId)) }))
    .filter(({ stops }) => stops.length > 0)

  const written = await writeRoutes(tx, claim, routes)
  const keptIds = new Set(written.map(({ id }) => id))
  const superseded = before.filter(({ id, status }) => status === 'planned' && !keptIds.has(id))
  await writeStops(tx, written, before)
  await supersedeRoutes(tx, superseded)
  await takeOverRoutes(tx, claim, before)

  const arrivals = arrivalsOf(before)
  const scheduled = written.flatMap(({ stops }) => stops)
  const scheduledIds = new Set(scheduled.map(({ orderId }) => orderId))
  const unscheduled = [...arrivals.keys()].filter((id) => plannable.has(id) && !scheduledIds.has(id))
  await setDeliveryStatus(tx, 'planned', [...scheduledIds])
  await setDeliveryStatus(tx, 'confirmed', unscheduled)
  const news = scheduled.filter(
    ({ orderId, plannedArrival }) => arrivals.get(orderId)?.getTime() !== plannedArrival.getTime(),
  )
  await publishDeliveryEvents(
    ctx,
    tx,
    'delivery.scheduled',
    news.map(({ orderId, plannedArrival }) => ({ orderId, plannedArrival: plannedArrival.toISOString() })),
  )
  await publishDeliveryEvents(
    ctx,
    tx,
    'delivery.unscheduled',
    unscheduled.map((orderId) => ({ orderId })),
  )
  await finishPlan(tx, claim, { unassigned: plan.unassigned, travelSource })

  for (const { orderId } of news) changes.toCustomer(orderId, 'delivery.scheduled')
  for (const orderId of unscheduled) changes.toCustomer(orderId, 'delivery.unscheduled')
  for (const { id, driverId, version } of written) {
    changes.toDriver(driverId, 'route.planned', { routeId: id, version })
  }
  for (const { id, driverId } of superseded) changes.toDriver(driverId, 'route.removed', { routeId: id })
  for (const { id, driverId } of written) {
    const earlier = before.find((route) => route.id === id)
    if (earlier !== undefined && earlier.driverId !== driverId) {
      changes.toDriver(earlier.driverId, 'route.removed', { routeId: id })
    }
  }
}

/** When each open stop of the planned routes was to be reached. */
function arrivalsOf(routes: readonly Route[]): Map<string, Date> {
  return new Map(
    routes
      .filter(({ status }) => status === 'planned')
      .flatMap(({ stops }) => stops.map(({ orderId, plannedArrival }) => [orderId, plannedArrival] as const)),
  )
}
