import type { Problem, Vehicle } from '@urbanbloom/vrp/problem'
import type { Route } from '@urbanbloom/vrp/solution'
import { solve } from '@urbanbloom/vrp/solve'

/**
 * The times of one vehicle that serves these stops in this order, breaks included: the optimizer's own, so that they
 * are the same for a person's order as for a plan. Nothing is refused; `isFeasible` says whether it can be.
 */
export function timeInOrder(problem: Problem, vehicle: Vehicle, stopIds: readonly string[]): Route | null {
  if (stopIds.length === 0) return null
  const byId = new Map(problem.stops.map((stop) => [stop.id, stop]))
  const stops = stopIds.map((id) => {
    const stop = byId.get(id)
    if (stop === undefined) throw new Error(`The problem has no stop ${id}`)
    const { announced: _announced, vehicleIds: _vehicleIds, ...rest } = stop
    return rest
  })
  const { locationCount, durationsSeconds, distancesMeters } = problem
  const alone = { ...vehicle, lockedStops: stopIds }
  const { routes } = solve(
    { locationCount, durationsSeconds, distancesMeters, stops, vehicles: [alone] },
    { maxIterations: 0 },
  )
  return routes[0] ?? null
}

/** Whether a vehicle can drive a route as it is timed: windows, capacity, shift and skills. */
export function isFeasible(problem: Problem, vehicle: Vehicle, route: Route): boolean {
  const byId = new Map(problem.stops.map((stop) => [stop.id, stop]))
  const skills = new Set(vehicle.skills ?? [])
  return (
    route.endSeconds <= vehicle.shift[1] &&
    route.load.every((load, dimension) => load <= (vehicle.capacity[dimension] ?? 0)) &&
    route.stops.every(({ id, startServiceSeconds }) => {
      const stop = byId.get(id)
      const close = stop?.timeWindows.at(-1)?.[1] ?? 0
      return startServiceSeconds <= close && (stop?.skills ?? []).every((skill) => skills.has(skill))
    })
  )
}
