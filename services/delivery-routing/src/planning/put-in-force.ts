import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { publishDeliveryEvents } from '../deliveries/publish-delivery-event.ts'
import type { Route } from '../dispatch/route.ts'
import type { Changes } from '../stream/record-changes.ts'
import type { NewPlan, NewRoute } from './from-solution.ts'
import type { PlanRecord, SnapshotRoute } from './plan.ts'
import type { Claim } from './plan-store.ts'
import {
  lockPlannableDeliveries,
  setDeliveryStatus,
  supersedeRoutes,
  takeOverRoutes,
  type WrittenRoute,
  writeRoutes,
  writeStops,
} from './plan-writes.ts'

export type InForce = {
  claim: Pick<Claim, 'planId' | 'hubId' | 'date'>
  changes: Changes
  plan: NewPlan
  /** The routes of the day as they are, locked. */
  before: readonly Route[]
  /** The shifts that were planned; null: all of the day. */
  shiftIds: ReadonlySet<string> | null
}

/** Writes a plan over the planned routes of its shifts, and tells drivers, customers and `order` what changed. */
export async function putInForce(ctx: Context, tx: Db, given: InForce): Promise<void> {
  const { claim, plan, before, shiftIds } = given
  const replaced = before.filter(
    ({ status, shiftId }) => status === 'planned' && (shiftIds === null || shiftIds.has(shiftId)),
  )
  const wanted = [
    ...plan.routes.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)),
    ...replaced.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)),
  ]
  const plannable = await lockPlannableDeliveries(tx, [...new Set(wanted)])
  const routes = plan.routes
    .map((route) => ({ ...route, stops: route.stops.filter(({ orderId }) => plannable.has(orderId)) }))
    .filter(({ stops }) => stops.length > 0)
  const same = new Set(routes.filter((route) => isUnchanged(route, replaced)).map(({ shiftId }) => shiftId))
  const touched = replaced.filter(({ shiftId }) => !same.has(shiftId))

  const written = await writeRoutes(
    tx,
    claim,
    routes.filter(({ shiftId }) => !same.has(shiftId)),
  )
  const keptIds = new Set(written.map(({ id }) => id))
  const superseded = touched.filter(({ id }) => !keptIds.has(id))
  await writeStops(tx, written, touched)
  await supersedeRoutes(tx, superseded)
  await takeOverRoutes(
    tx,
    claim,
    before.filter(({ id }) => !keptIds.has(id) && !superseded.some((route) => route.id === id)),
  )

  const arrivals = new Map(
    touched.flatMap(({ stops }) =>
      stops.map(({ orderId, plannedArrival }) => [orderId, plannedArrival] as const),
    ),
  )
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
  for (const { orderId } of news) given.changes.toCustomer(orderId, 'delivery.scheduled')
  for (const orderId of unscheduled) given.changes.toCustomer(orderId, 'delivery.unscheduled')
  tellDrivers(given.changes, { written, superseded, before })
}

/** A route whose stops, times and vehicle are as before has no news for anybody. */
function isUnchanged(route: NewRoute, replaced: readonly Route[]): boolean {
  const known = replaced.find(({ shiftId }) => shiftId === route.shiftId)
  if (known === undefined || known.vehicleId !== route.vehicleId) return false
  return (
    known.startsAt.getTime() === route.startsAt.getTime() &&
    known.stops.length === route.stops.length &&
    route.stops.every(({ orderId, plannedArrival }, index) => {
      const stop = known.stops[index]
      return stop?.orderId === orderId && stop.plannedArrival.getTime() === plannedArrival.getTime()
    })
  )
}

/** The difference is in the event, so that a phone can say what changed before it reads the route again. */
function tellDrivers(
  changes: Changes,
  { written, superseded, before }: { written: WrittenRoute[]; superseded: Route[]; before: readonly Route[] },
): void {
  for (const { id, driverId, version, stops } of written) {
    const earlier = before.find((route) => route.id === id)
    const known = new Set(earlier?.stops.map(({ orderId }) => orderId))
    const now = new Set(stops.map(({ orderId }) => orderId))
    changes.toDriver(driverId, 'route.planned', {
      routeId: id,
      version,
      addedOrderIds: [...now].filter((orderId) => !known.has(orderId)),
      removedOrderIds: [...known].filter((orderId) => !now.has(orderId)),
    })
    if (earlier !== undefined && earlier.driverId !== driverId) {
      changes.toDriver(earlier.driverId, 'route.removed', { routeId: id })
    }
  }
  for (const { id, driverId } of superseded) changes.toDriver(driverId, 'route.removed', { routeId: id })
}

/** What a plan amounts to, and how much it changes. */
export function figuresOf(
  plan: NewPlan,
  before: readonly Route[],
  shiftIds: ReadonlySet<string> | null,
): NonNullable<PlanRecord['figures']> {
  const planned = before.filter(({ status }) => status === 'planned')
  const kept = planned.filter(({ shiftId }) => shiftIds !== null && !shiftIds.has(shiftId))
  const all = [...plan.routes, ...kept]
  const shiftOf = new Map(
    planned.flatMap(({ shiftId, stops }) => stops.map(({ orderId }) => [orderId, shiftId] as const)),
  )
  const stops = plan.routes.flatMap((route) =>
    route.stops.map(({ orderId }) => [orderId, route.shiftId] as const),
  )
  return {
    routes: all.length,
    stops: all.reduce((sum, route) => sum + route.stops.length, 0),
    movedStops: stops.filter(([orderId, shiftId]) => (shiftOf.get(orderId) ?? shiftId) !== shiftId).length,
    unassigned: plan.unassigned.length,
    distanceMeters: all.reduce((sum, { distanceMeters }) => sum + distanceMeters, 0),
    durationSeconds: all.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0),
  }
}

/** The routes of the day in the form in which history keeps them. */
export function snapshotOf(routes: readonly Route[]): SnapshotRoute[] {
  return routes.flatMap((route) => {
    if (route.status === 'superseded') return []
    const { id, driverId, vehicleId, status, startsAt, endsAt, distanceMeters } = route
    const stops = route.stops.map((stop) => ({
      id: stop.id,
      orderId: stop.orderId,
      position: stop.position,
      plannedArrival: stop.plannedArrival.toISOString(),
    }))
    const times = { startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() }
    return [{ id, driverId, vehicleId, status, ...times, distanceMeters, stops }]
  })
}
