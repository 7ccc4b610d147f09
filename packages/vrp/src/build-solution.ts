import { firstBreakStart, latestStart, reach, serve } from './break-schedule.ts'
import { endNode, FOREVER, firstStart, type Model, startNode } from './model.ts'
import { ABSENT, type Plan } from './plan.ts'
import type { Problem } from './problem.ts'
import { refreshRoute } from './route-evaluation.ts'
import { NO_SHORTCUTS } from './shortcuts.ts'
import type { Route, RouteBreak, RouteStop } from './solution.ts'
import { latestDeparture } from './time-segment.ts'

/** Writes the routes of a plan in the problem's terms, and the indices of the stops that it leaves out. */
export function buildRoutes(
  problem: Problem,
  model: Model,
  plan: Plan,
): { routes: Route[]; leftOut: number[] } {
  const routes: Route[] = []
  if (model.shortcuts.isUntimed) {
    const timed = { ...model, shortcuts: NO_SHORTCUTS }
    for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(timed, plan, vehicle)
  }
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle]! > 0) routes.push(buildRoute(problem, model, plan, vehicle))
  }
  const leftOut = [...plan.vehicle.keys()].filter((stop) => plan.vehicle[stop] === ABSENT)
  return { routes, leftOut }
}

function buildRoute(problem: Problem, model: Model, plan: Plan, vehicle: number): Route {
  const { originSeconds } = model
  const chain = chainOf(model, plan, vehicle)
  const startSeconds = departureOf(model, plan, vehicle)
  const breaksBefore = layBreaks(model, chain, vehicle, startSeconds)
  const stops: RouteStop[] = []
  const breaks: RouteBreak[] = []
  let travelSeconds = 0
  let clock = startSeconds
  chain.slice(1).forEach((node, index) => {
    const leg = model.place[chain[index]!]! * model.placeCount + model.place[node]!
    const travel = model.travel[vehicle]!.out[leg]!
    const extra = model.extraService[vehicle]
    travelSeconds += travel
    let driving = travel
    for (; breaks.length < breaksBefore[index]!; ) {
      const taken = takeBreak(problem, model, vehicle, breaks.length, clock, index)
      driving = Math.max(0, driving - (taken.startSeconds - originSeconds - clock))
      clock = taken.endSeconds - originSeconds
      breaks.push(taken)
    }
    clock += driving
    if (node >= model.stopCount) return
    const arrival = clock
    const ready = arrival + model.duration[vehicle]!.out[leg]! - travel - (extra?.[chain[index]!] ?? 0)
    const begin = firstStart(model, node, ready)
    clock = begin + model.serviceSeconds[node]! + (extra?.[node] ?? 0)
    stops.push({
      id: problem.stops[node]!.id,
      arrivalSeconds: originSeconds + arrival,
      startServiceSeconds: originSeconds + begin,
      departureSeconds: originSeconds + clock,
      waitingSeconds: begin - ready,
    })
  })
  return {
    vehicleId: problem.vehicles[vehicle]!.id,
    stops,
    breaks,
    distanceMeters: plan.meters[vehicle]!,
    travelSeconds,
    durationSeconds: clock - startSeconds,
    startSeconds: originSeconds + startSeconds,
    endSeconds: originSeconds + clock,
    cost: plan.cost[vehicle]! - plan.changeCost[vehicle]!,
    changeCost: plan.changeCost[vehicle]!,
    load: peakLoads(model, plan, chain, vehicle),
  }
}

function chainOf(model: Model, plan: Plan, vehicle: number): number[] {
  const chain = [startNode(model, vehicle)]
  while (chain.at(-1) !== endNode(model, vehicle)) chain.push(plan.next[chain.at(-1)!]!)
  return chain
}

/** The vehicle leaves as late as possible without ending later, so that it does not wait for its first stops. */
function departureOf(model: Model, plan: Plan, vehicle: number): number {
  if (model.breaks.count[vehicle] === 0) return latestDeparture(model, plan, vehicle)
  return latestStart(model, plan, vehicle, plan.departure[endNode(model, vehicle)]!)
}

/**
 * How many breaks are taken before each node but the first, in a schedule that ends as early as possible. Found
 * backwards: a node's layer is right when some layer of the node before reaches it at the time it has.
 */
function layBreaks(model: Model, chain: readonly number[], vehicle: number, startSeconds: number): number[] {
  const { layers, count } = model.breaks
  const unreached = () => new Int32Array(layers).fill(FOREVER)
  const times = chain.map(unreached)
  times[0]![0] = startSeconds
  const step = (departures: Int32Array, index: number) => {
    const ready = unreached()
    reach(model, vehicle, departures, 0, chain[index]!, chain[index + 1]!, ready)
    if (chain[index + 1]! < model.stopCount) serve(model, chain[index + 1]!, ready)
    return ready
  }
  for (let index = 0; index < chain.length - 1; index++) times[index + 1]!.set(step(times[index]!, index))
  const taken: number[] = []
  let layer = count[vehicle]!
  for (let index = chain.length - 2; index >= 0; index--) {
    taken[index] = layer
    for (let before = layer; before >= 0; before--) {
      const alone = unreached()
      alone[before] = times[index]![before]!
      if (step(alone, index)[layer] !== times[index + 1]![layer]) continue
      layer = before
      break
    }
  }
  return taken
}

function takeBreak(
  problem: Problem,
  model: Model,
  vehicle: number,
  number: number,
  clock: number,
  afterStops: number,
): RouteBreak {
  const { breaks, originSeconds } = model
  const pause = breaks.from[vehicle]! + number
  const startSeconds = originSeconds + firstBreakStart(breaks, pause, clock)
  return {
    id: problem.vehicles[vehicle]!.breaks![number]!.id,
    startSeconds,
    endSeconds: startSeconds + breaks.serviceSeconds[pause]!,
    afterStops,
  }
}

function peakLoads(model: Model, plan: Plan, chain: readonly number[], vehicle: number): number[] {
  return Array.from({ length: model.dimensions }, (_, d) => {
    let load = plan.load[vehicle * model.dimensions + d]!
    let peak = load
    for (const node of chain.slice(1, -1)) {
      load += model.loadChange[node * model.dimensions + d]!
      peak = Math.max(peak, load)
    }
    return peak
  })
}
