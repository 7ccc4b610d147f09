import { refreshBreakDuration } from './break-duration.ts'
import { refreshLayers, updateLayers } from './break-schedule.ts'
import { refreshLoadProfile } from './load-profile.ts'
import { endNode, firstStart, lastStart, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'
import { refreshDuration } from './time-segment.ts'

/**
 * Derives everything about a route from its chain: times, load and cost. The chain must be feasible.
 *
 * With `departure` from the front and `latestReady` from the back, whether a stop fits between two nodes takes
 * constant time, for any number of windows: waiting is allowed, so being ready earlier never hurts.
 */
export function refreshRoute(model: Model, plan: Plan, vehicle: number): void {
  plan.meters[vehicle] = refreshForward(model, plan, vehicle)
  if (model.breaks.count[vehicle]! > 0) refreshLayers(model, plan, vehicle)
  else if (!model.shortcuts.isUntimed) refreshBackward(model, plan, vehicle)
  if (model.hasLoadProfile) refreshLoadProfile(model, plan, vehicle)
  if (model.isPlain[vehicle] === 0) plan.travelSeconds[vehicle] = travelOf(model, plan, vehicle)
  refreshCost(model, plan, vehicle)
}

/**
 * Whether a refreshed route keeps every limit. Insertions see to that; but where a detour is faster than the direct
 * way, or a setup is skipped thanks to the stop before, taking a stop out can break a limit.
 */
export function isRouteFeasible(model: Model, plan: Plan, vehicle: number): boolean {
  return (
    plan.departure[endNode(model, vehicle)]! <= model.shiftEnd[vehicle]! &&
    plan.meters[vehicle]! <= model.maxMeters[vehicle]! &&
    (model.isPlain[vehicle] === 1 || plan.travelSeconds[vehicle]! <= model.maxTravelSeconds[vehicle]!)
  )
}

/**
 * Brings a refreshed route up to date after `linkStop`. Times are followed only as far as they change. Positions
 * are not: `refreshPositions` does that once a route is done with.
 */
export function refreshAfterInsertion(model: Model, plan: Plan, stop: number, vehicle: number): void {
  if (model.isPlainBesidesBreaks[vehicle] === 0 || model.announced.isPriced) {
    refreshRoute(model, plan, vehicle)
    return
  }
  const { place, placeCount, dimensions, demand } = model
  const { previous, next } = plan
  const before = previous[stop]!
  const after = next[stop]!
  const row = place[stop]! * placeCount
  const metersInto = model.distance.into[row + place[before]!]!
  plan.legMeters[stop] = metersInto
  const metersAfter = model.distance.out[row + place[after]!]!
  plan.meters[vehicle]! += metersInto + metersAfter - plan.legMeters[after]!
  plan.legMeters[after] = metersAfter
  plan.stopCount[vehicle]!++
  for (let d = 0; d < dimensions; d++) plan.load[vehicle * dimensions + d]! += demand[stop * dimensions + d]!
  if (model.breaks.count[vehicle]! > 0) {
    plan.travelSeconds[vehicle] = travelOf(model, plan, vehicle)
    updateLayers(model, plan, stop, vehicle)
  } else if (!model.shortcuts.isUntimed) {
    updateDepartures(model, plan, stop, vehicle)
    updateLatestReady(model, plan, stop, vehicle)
  }
  refreshCost(model, plan, vehicle)
}

/** Numbers the stops of a route. */
export function refreshPositions(model: Model, plan: Plan, vehicle: number): void {
  let position = 0
  const end = endNode(model, vehicle)
  for (let node = plan.next[startNode(model, vehicle)]!; node !== end; node = plan.next[node]!) {
    plan.position[node] = position++
  }
}

function refreshCost(model: Model, plan: Plan, vehicle: number): void {
  plan.changeCost[vehicle] = model.announced.isPriced ? changeCostOf(model, plan, vehicle) : 0
  if (model.costPerSecond[vehicle]! > 0) {
    plan.durationSeconds[vehicle] =
      model.breaks.count[vehicle]! > 0
        ? refreshBreakDuration(model, plan, vehicle)
        : refreshDuration(model, plan, vehicle)
  }
  let cost = plan.changeCost[vehicle] ?? 0
  if (plan.stopCount[vehicle]! > 0) {
    cost += model.fixedCost[vehicle]! + model.costPerMeter[vehicle]! * plan.meters[vehicle]!
    cost += model.costPerSecond[vehicle]! * plan.durationSeconds[vehicle]!
    cost += model.costPerTravelSecond[vehicle]! * plan.travelSeconds[vehicle]!
  }
  plan.cost[vehicle] = cost
}

/** The price of what the route changes about announcements. */
function changeCostOf(model: Model, plan: Plan, vehicle: number): number {
  const { announced } = model
  const end = endNode(model, vehicle)
  let cost = 0
  let position = 0
  for (let node = plan.next[startNode(model, vehicle)]!; node !== end; node = plan.next[node]!) {
    const shift = Math.abs(position++ - announced.position[node]!)
    if (announced.vehicle[node]! < 0) continue
    if (announced.vehicle[node] !== vehicle) cost += announced.otherVehiclePrice
    else if (shift > announced.tolerance) cost += announced.otherPositionPrice
  }
  return cost
}

function travelOf(model: Model, plan: Plan, vehicle: number): number {
  if (plan.stopCount[vehicle] === 0) return 0
  const travel = model.travel[vehicle]!.out
  const end = endNode(model, vehicle)
  let seconds = 0
  for (let node = startNode(model, vehicle); node !== end; node = plan.next[node]!) {
    seconds += travel[model.place[node]! * model.placeCount + model.place[plan.next[node]!]!]!
  }
  return seconds
}

function updateDepartures(model: Model, plan: Plan, stop: number, vehicle: number): void {
  const { place, placeCount, serviceSeconds } = model
  const { next, departure } = plan
  const seconds = model.duration[vehicle]!.out
  const end = endNode(model, vehicle)
  const before = plan.previous[stop]!
  let clock = departure[before]!
  let row = place[before]! * placeCount
  for (let node = stop; node !== end; node = next[node]!) {
    clock = firstStart(model, node, clock + seconds[row + place[node]!]!) + serviceSeconds[node]!
    if (departure[node] === clock && node !== stop) return
    departure[node] = clock
    row = place[node]! * placeCount
  }
  departure[end] = clock + seconds[row + place[end]!]!
}

function updateLatestReady(model: Model, plan: Plan, stop: number, vehicle: number): void {
  const { place, placeCount, serviceSeconds } = model
  const { previous, latestReady } = plan
  const secondsInto = model.duration[vehicle]!.into
  const start = startNode(model, vehicle)
  const after = plan.next[stop]!
  let limit = latestReady[after]!
  let row = place[after]! * placeCount
  for (let node = stop; node !== start; node = previous[node]!) {
    limit = lastStart(model, node, limit - secondsInto[row + place[node]!]! - serviceSeconds[node]!)
    if (latestReady[node] === limit && node !== stop) return
    latestReady[node] = limit
    row = place[node]! * placeCount
  }
}

function refreshForward(model: Model, plan: Plan, vehicle: number): number {
  const { place, placeCount, serviceSeconds, dimensions, demand } = model
  const seconds = model.duration[vehicle]!.out
  const metersOut = model.distance.out
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  let clock = model.shiftStart[vehicle]!
  let row = place[start]! * placeCount
  let meters = 0
  let position = 0
  const isTimed = !model.shortcuts.isUntimed
  plan.load.fill(0, vehicle * dimensions, (vehicle + 1) * dimensions)
  plan.departure[start] = clock
  for (let node = plan.next[start]!; node !== end; node = plan.next[node]!) {
    const leg = row + place[node]!
    if (isTimed) {
      clock = firstStart(model, node, clock + seconds[leg]!) + serviceSeconds[node]!
      plan.departure[node] = clock
    }
    plan.legMeters[node] = metersOut[leg]!
    meters += metersOut[leg]!
    plan.position[node] = position++
    for (let d = 0; d < dimensions; d++)
      plan.load[vehicle * dimensions + d]! += demand[node * dimensions + d]!
    row = place[node]! * placeCount
  }
  const lastLeg = row + place[end]!
  // An unused vehicle does not drive, so its first stop pays for both of its legs.
  const lastMeters = position > 0 ? metersOut[lastLeg]! : 0
  if (isTimed) plan.departure[end] = clock + seconds[lastLeg]!
  plan.legMeters[end] = lastMeters
  plan.stopCount[vehicle] = position
  return meters + lastMeters
}

function refreshBackward(model: Model, plan: Plan, vehicle: number): void {
  const { place, placeCount, serviceSeconds } = model
  const secondsInto = model.duration[vehicle]!.into
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  let limit = model.shiftEnd[vehicle]!
  let row = place[end]! * placeCount
  plan.latestReady[end] = limit
  for (let node = plan.previous[end]!; node !== start; node = plan.previous[node]!) {
    limit = lastStart(model, node, limit - secondsInto[row + place[node]!]! - serviceSeconds[node]!)
    plan.latestReady[node] = limit
    row = place[node]! * placeCount
  }
}
