import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound, type ServiceError } from '@urbanbloom/service-kit/errors'
import type { Route, Stop } from '../dispatch/route.ts'
import { findUnloadedStop, lockRoutes } from '../dispatch/route-store.ts'
import type { StopState } from './merge-report.ts'
import type { StopReport } from './stop-report.ts'

export type LockedStop = {
  route: Route
  stop: Stop
  state: StopState
  /** Of the driver who had the stop: what they did before that counts. Null: the stop is theirs. */
  heldUntil: Date | null
  /** A break-down took it off the van; the route no longer holds it. */
  isUnloaded: boolean
}

type Found = { route_id: string; order_id: string; is_removed: boolean; unloaded_at: Date | null }

/**
 * The driver's stop on a route that was started, its route locked until the transaction ends; else why there is none.
 * Also one that the driver had before somebody took the route over or before it broke down: a phone that was offline
 * then may still have something to say of it.
 */
export async function lockStop(tx: Db, driverId: string, stopId: string): Promise<LockedStop | ServiceError> {
  const [found] = await tx.query<Found>(
    `select route_id, order_id, status = 'removed' as is_removed, unloaded_at from stops where id = $1`,
    [stopId],
  )
  if (found === undefined) return stopNotFound(stopId)
  if (found.is_removed) return lockUnloadedStop(tx, { driverId, stopId, found })
  const [route] = await lockRoutes(tx, [found.route_id])
  const stop = route?.stops.find(({ id }) => id === stopId)
  // It has just moved between the two statements; the next try finds it where it is.
  if (route === undefined || stop === undefined) return routeChanged(stopId)
  const heldUntil = route.driverId === driverId ? null : await findTakeOver(tx, route, driverId)
  if (route.driverId !== driverId && heldUntil === null) return reassigned(stopId)
  if (route.status === 'planned' || route.status === 'superseded') {
    return conflict('route_not_started', 'Start the route first: POST /v1/driver/route/start')
  }
  return { route, stop, state: await stateOf(tx, stop), heldUntil, isUnloaded: false }
}

/** With it the route is locked that has its order now, because the stop may have to leave that one. */
async function lockUnloadedStop(
  tx: Db,
  { driverId, stopId, found }: { driverId: string; stopId: string; found: Found },
): Promise<LockedStop | ServiceError> {
  if (found.unloaded_at === null) return removed(stopId)
  const elsewhere = await tx.query<{ route_id: string }>(
    `select route_id from stops where order_id = $1 and status in ('pending', 'arrived')`,
    [found.order_id],
  )
  const locked = await lockRoutes(tx, [found.route_id, ...elsewhere.map(({ route_id }) => route_id)])
  const route = locked.find(({ id }) => id === found.route_id)
  const unloaded = await findUnloadedStop(tx, stopId)
  if (route === undefined || unloaded === null) return routeChanged(stopId)
  const takenOver = route.driverId === driverId ? null : await findTakeOver(tx, route, driverId)
  if (route.driverId !== driverId && takenOver === null) return removed(stopId)
  const stop = { ...unloaded, status: unloaded.arrivedAt === null ? 'pending' : 'arrived' } as const
  return {
    route: { ...route, stops: [...route.stops, stop] },
    stop,
    state: await stateOf(tx, stop),
    heldUntil: takenOver !== null && takenOver < found.unloaded_at ? takenOver : found.unloaded_at,
    isUnloaded: true,
  }
}

/** Why a report about a stop that the driver no longer has does not count; null where it does. */
export function refuseTooLate(
  { stop, heldUntil, isUnloaded }: LockedStop,
  report: Pick<StopReport, 'type' | 'at'>,
): ServiceError | null {
  if (heldUntil === null) return null
  if (report.at >= heldUntil) return isUnloaded ? removed(stop.id) : reassigned(stop.id)
  // What was not handed over is planned anew already, with or without a failed try.
  return isUnloaded && report.type !== 'deliver' ? removed(stop.id) : null
}

/** When the driver last gave the route away under way; null where they never had it. */
async function findTakeOver(tx: Db, route: Route, driverId: string): Promise<Date | null> {
  const [row] = await tx.query<{ until: Date | null }>(
    'select max(until) as until from route_take_overs where route_id = $1 and driver_id = $2',
    [route.id, driverId],
  )
  return row?.until ?? null
}

export function stopNotFound(stopId: string): ServiceError {
  return notFound('stop_not_found', `There is no stop ${stopId} on a route of yours`)
}

export function removed(stopId: string): ServiceError {
  return conflict('stop_removed', `The stop ${stopId} was taken off its route`)
}

function reassigned(stopId: string): ServiceError {
  return conflict('stop_reassigned', `The stop ${stopId} belongs to another driver's route now`)
}

function routeChanged(stopId: string): ServiceError {
  return conflict('route_changed', `The route of the stop ${stopId} has just changed; send it again`)
}

async function stateOf(tx: Db, stop: Stop): Promise<StopState> {
  const [row] = await tx.query<{ occurred_at: Date | null; event_id: string | null }>(
    'select outcome_occurred_at as occurred_at, outcome_event_id as event_id from stops where id = $1',
    [stop.id],
  )
  const { status, arrivedAt, completedAt } = stop
  const hasKey = row !== undefined && row.occurred_at !== null && row.event_id !== null
  return {
    status,
    arrivedAt,
    completedAt,
    outcomeKey: hasKey ? { occurredAt: row.occurred_at as Date, eventId: row.event_id as string } : null,
  }
}
