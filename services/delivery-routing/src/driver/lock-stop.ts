import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound, type ServiceError } from '@urbanbloom/service-kit/errors'
import type { Route, Stop } from '../dispatch/route.ts'
import { lockRoutes } from '../dispatch/route-store.ts'
import type { StopState } from './merge-report.ts'

export type LockedStop = { route: Route; stop: Stop; state: StopState }

/**
 * The driver's stop on a route that was started, its route locked until the transaction ends; else why there is none.
 * A phone that was offline learns whether the stop is gone or somebody else's by now.
 */
export async function lockStop(tx: Db, driverId: string, stopId: string): Promise<LockedStop | ServiceError> {
  const [found] = await tx.query<{ route_id: string; is_removed: boolean }>(
    `select route_id, status = 'removed' as is_removed from stops where id = $1`,
    [stopId],
  )
  if (found === undefined) return stopNotFound(stopId)
  if (found.is_removed) return conflict('stop_removed', `The stop ${stopId} was taken off its route`)
  const [route] = await lockRoutes(tx, [found.route_id])
  const stop = route?.stops.find(({ id }) => id === stopId)
  // It has just moved between the two statements; the next try finds it where it is.
  if (route === undefined || stop === undefined) {
    return conflict('route_changed', `The route of the stop ${stopId} has just changed; send it again`)
  }
  if (route.driverId !== driverId) {
    return conflict('stop_reassigned', `The stop ${stopId} belongs to another driver's route now`)
  }
  if (route.status === 'planned' || route.status === 'superseded') {
    return conflict('route_not_started', 'Start the route first: POST /v1/driver/route/start')
  }
  return { route, stop, state: await stateOf(tx, stop) }
}

export function stopNotFound(stopId: string): ServiceError {
  return notFound('stop_not_found', `There is no stop ${stopId} on a route of yours`)
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
