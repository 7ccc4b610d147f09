import type { Problem, Vehicle } from '@urbanbloom/vrp/problem'
import type { Route, Solution, UnassignedStop } from '@urbanbloom/vrp/solution'
import { isFeasible, timeInOrder } from './time-in-order.ts'

/** A vehicle with this skill keeps plants as long as the route lasts. */
export const CLIMATE_CONTROLLED = 'climate_controlled'

/** The longest time in the van in seconds, by the ids of the stops that have one. */
export type VanLimits = Readonly<Record<string, number>>

/** So much earlier than its neighbours' times a stop may be tried between them. */
const SLACK_SECONDS = 1_800

/**
 * Takes stops whose plants would be in the van for too long off their routes, and puts each where it costs least and
 * everybody's limit holds, be it on a van that stood idle; else it is left out with the reason. What a person locked
 * or pinned stays. The optimizer does not know this limit, because it depends on when the route begins.
 */
export function respectVanTime(problem: Problem, solution: Solution, limits: VanLimits): Solution {
  if (Object.keys(limits).length === 0) return solution
  const vehicles = new Map(problem.vehicles.map((vehicle) => [vehicle.id, vehicle]))
  const routes = new Map(solution.routes.map((route) => [route.vehicleId, route]))
  const leftOut: UnassignedStop[] = []
  const homeless: { id: string; seconds: number }[] = []
  for (const [vehicleId, route] of routes) {
    const vehicle = vehicles.get(vehicleId)
    if (vehicle === undefined) continue
    const tooLong = overLimit(vehicle, route, limits).filter(({ id }) => isFree(problem, vehicle, id))
    if (tooLong.length === 0) continue
    homeless.push(...tooLong)
    const out = new Set(tooLong.map(({ id }) => id))
    const kept = route.stops.map(({ id }) => id).filter((id) => !out.has(id))
    const timed = timeInOrder(problem, vehicle, kept)
    if (timed === null) routes.delete(vehicleId)
    else routes.set(vehicleId, timed)
  }
  for (const { id, seconds } of homeless) {
    const place = cheapestPlace(problem, routes, limits, id)
    if (place !== null) routes.set(place.vehicleId, place)
    else leftOut.push({ id, reason: 'fleet_full', detail: tooLongDetail(seconds, limits[id] ?? 0) })
  }
  const all = [...routes.values()]
  return {
    ...solution,
    routes: all,
    unassigned: [...solution.unassigned, ...leftOut],
    cost: all.reduce((sum, { cost }) => sum + cost, 0),
  }
}

/** The stops of a route that would be reached after their limit, with how long they would have been in the van. */
export function overLimit(
  vehicle: Pick<Vehicle, 'skills'>,
  route: Pick<Route, 'startSeconds' | 'stops'>,
  limits: VanLimits,
): { id: string; seconds: number }[] {
  if (vehicle.skills?.includes(CLIMATE_CONTROLLED) === true) return []
  return route.stops
    .map(({ id, startServiceSeconds }) => ({ id, seconds: startServiceSeconds - route.startSeconds }))
    .filter(({ id, seconds }) => seconds > (limits[id] ?? Number.POSITIVE_INFINITY))
}

export function tooLongDetail(seconds: number, limitSeconds: number): string {
  const minutes = (value: number) => Math.ceil(value / 60)
  return `The plants would be in the van for ${minutes(seconds)} minutes; they take ${minutes(limitSeconds)}, and no van can bring them sooner`
}

function cheapestPlace(
  problem: Problem,
  routes: ReadonlyMap<string, Route>,
  limits: VanLimits,
  id: string,
): Route | null {
  const stop = problem.stops.find((each) => each.id === id)
  const [open, close] = stop?.timeWindows[0] ?? [0, 0]
  let best: Route | null = null
  let bestPrice = Number.POSITIVE_INFINITY
  for (const vehicle of problem.vehicles) {
    if (stop?.vehicleIds !== undefined && !stop.vehicleIds.includes(vehicle.id)) continue
    const route = routes.get(vehicle.id)
    const stops = route?.stops ?? []
    for (let at = vehicle.lockedStops?.length ?? 0; at <= stops.length; at += 1) {
      const before = stops[at - 1]?.startServiceSeconds ?? 0
      const after = stops[at]?.startServiceSeconds ?? Number.POSITIVE_INFINITY
      if (before > close || after < open - SLACK_SECONDS) continue
      const order = stops.map((each) => each.id).toSpliced(at, 0, id)
      const timed = timeInOrder(problem, vehicle, order)
      if (timed === null || !isFeasible(problem, vehicle, timed)) continue
      if (overLimit(vehicle, timed, limits).length > 0) continue
      const price = timed.cost - (route?.cost ?? 0)
      if (price >= bestPrice) continue
      bestPrice = price
      best = timed
    }
  }
  return best
}

function isFree(problem: Problem, vehicle: Vehicle, id: string): boolean {
  if (vehicle.lockedStops?.includes(id) === true) return false
  const allowed = problem.stops.find((stop) => stop.id === id)?.vehicleIds
  return allowed === undefined || allowed.length !== 1
}
