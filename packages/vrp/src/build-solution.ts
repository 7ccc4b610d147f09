import { endNode, firstStart, type Model, startNode } from './model.ts'
import { ABSENT, type Plan } from './plan.ts'
import type { Problem } from './problem.ts'
import type { Route, RouteStop } from './solution.ts'
import { latestDeparture } from './time-segment.ts'

/** Writes the routes of a plan in the problem's terms, and the indices of the stops that it leaves out. */
export function buildRoutes(
  problem: Problem,
  model: Model,
  plan: Plan,
): { routes: Route[]; leftOut: number[] } {
  const routes: Route[] = []
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle]! > 0) routes.push(buildRoute(problem, model, plan, vehicle))
  }
  const leftOut = [...plan.vehicle.keys()].filter((stop) => plan.vehicle[stop] === ABSENT)
  return { routes, leftOut }
}

/** The vehicle leaves as late as possible without ending later, so that it does not wait for its first stops. */
function buildRoute(problem: Problem, model: Model, plan: Plan, vehicle: number): Route {
  const { place, placeCount, originSeconds, dimensions } = model
  const seconds = model.duration[vehicle]!.out
  const end = endNode(model, vehicle)
  const startSeconds = latestDeparture(model, plan, vehicle)
  const stops: RouteStop[] = []
  let meters = 0
  let clock = startSeconds
  let at = startNode(model, vehicle)
  for (let node = plan.next[at]!; node !== end; node = plan.next[node]!) {
    const stop = problem.stops[node]!
    const ready = clock + seconds[place[at]! * placeCount + place[node]!]!
    const begin = firstStart(model, node, ready)
    clock = begin + stop.serviceSeconds
    meters += plan.legMeters[node]!
    stops.push({
      id: stop.id,
      arrivalSeconds: originSeconds + ready - setupOnTheWay(problem, vehicle, at, node),
      startServiceSeconds: originSeconds + begin,
      departureSeconds: originSeconds + clock,
      waitingSeconds: begin - ready,
    })
    at = node
  }
  clock += seconds[place[at]! * placeCount + place[end]!]!
  return {
    vehicleId: problem.vehicles[vehicle]!.id,
    stops,
    distanceMeters: meters + plan.legMeters[end]!,
    durationSeconds: clock - startSeconds,
    startSeconds: originSeconds + startSeconds,
    endSeconds: originSeconds + clock,
    cost: plan.cost[vehicle]!,
    load: Array.from(plan.load.subarray(vehicle * dimensions, (vehicle + 1) * dimensions)),
  }
}

/** The setup that the leg to `node` includes. */
function setupOnTheWay(problem: Problem, vehicle: number, from: number, node: number): number {
  const stop = problem.stops[node]!
  const location = problem.stops[from]?.location ?? problem.vehicles[vehicle]!.startLocation
  return location === stop.location ? 0 : (stop.setupSeconds ?? 0)
}
