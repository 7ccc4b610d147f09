import type { Route } from '../dispatch/route.ts'

/**
 * When the driver of a started route is expected at each open stop: from the last thing known to have happened,
 * along the legs and service times of the plan. A driver who is early waits for the window.
 */
export function expectedArrivals(route: Route, now: Date): Map<string, Date> {
  const done = route.stops.map(({ completedAt }) => completedAt?.getTime() ?? 0)
  let clock = Math.max(route.startedAt?.getTime() ?? now.getTime(), ...done)
  const etas = new Map<string, Date>()
  for (const stop of route.stops) {
    if (stop.status !== 'pending' && stop.status !== 'arrived') continue
    const reached = stop.arrivedAt?.getTime() ?? clock + (stop.legSeconds + stop.breakSeconds) * 1000
    const begin = Math.max(reached, stop.windowStart.getTime())
    etas.set(stop.id, new Date(begin))
    clock = Math.max(begin + stop.serviceSeconds * 1000, stop.arrivedAt === null ? 0 : now.getTime())
  }
  return etas
}
