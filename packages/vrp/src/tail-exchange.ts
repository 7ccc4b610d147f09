import { canReach } from './break-schedule.ts'
import { endNode, type Model } from './model.ts'
import type { Neighbours } from './neighbours.ts'
import { ABSENT, type Plan, relinkTails } from './plan.ts'
import type { Random } from './random.ts'
import { refreshRoute } from './route-evaluation.ts'

/** How many stops are looked at before the exchange gives up. */
const ATTEMPTS = 10

/**
 * Lets two routes exchange everything behind one stop of each (2-opt*; Potvin & Rousseau, "An Exchange Heuristic for
 * Routeing Problems with Time Windows", 1995): the first exchange found, from a random stop on, that is feasible and
 * makes driving dearer by less than `limit`. The other route may be an unused vehicle, which splits a route, and it may
 * lose all of its stops. Strings are too short for any of this where routes are long.
 *
 * Only between plain vehicles that drive and end alike. What the exchange costs altogether is for the acceptance to judge.
 * Returns whether there was one.
 */
export function exchangeTails(
  model: Model,
  plan: Plan,
  neighbours: Neighbours,
  random: Random,
  limit: number,
): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stop = random.below(model.stopCount)
    const vehicle = plan.vehicle[stop]!
    if (vehicle === ABSENT || model.isPlainBesidesBreaks[vehicle] === 0 || model.isFixed[stop] === 1) continue
    for (const head of neighbours.of(stop)) {
      const other = plan.vehicle[head]!
      if (other === ABSENT || other === vehicle) continue
      if (tryExchange(model, plan, stop, head, other, limit)) return true
    }
    const spare = random.below(model.vehicleCount)
    const limitOfSpare = limit - model.fixedCost[spare]!
    if (
      plan.stopCount[spare] === 0 &&
      tryExchange(model, plan, stop, endNode(model, spare), spare, limitOfSpare)
    )
      return true
  }
  return false
}

/** Makes `head`, which is on another vehicle, and what follows it follow `stop`, if that is cheap and possible. */
function tryExchange(
  model: Model,
  plan: Plan,
  stop: number,
  head: number,
  other: number,
  limit: number,
): boolean {
  const { place, placeCount, isPlainBesidesBreaks, isFixed } = model
  const vehicle = plan.vehicle[stop]!
  const { out } = model.duration[vehicle]!
  const follower = plan.next[stop]!
  const before = plan.previous[head]!
  const leg = place[stop]! * placeCount + place[head]!
  const otherLeg = place[before]! * placeCount + place[follower]!
  if (addedCost(model, plan, stop, head, leg, otherLeg) >= limit) return false
  if (plan.departure[stop]! + out[leg]! > plan.latestReady[head]!) return false
  if (plan.departure[before]! + out[otherLeg]! > plan.latestReady[follower]!) return false
  if (out !== model.duration[other]!.out || isPlainBesidesBreaks[other] === 0 || isFixed[before] === 1)
    return false
  if (place[endNode(model, vehicle)] !== place[endNode(model, other)]) return false
  if (model.shiftEnd[vehicle] !== model.shiftEnd[other]) return false
  if (!breaksAllow(model, plan, stop, head, other)) return false
  if (!canGoOn(model, plan, stop, head, vehicle) || !canGoOn(model, plan, before, follower, other))
    return false
  relinkTails(model, plan, stop, head, vehicle, other)
  refreshRoute(model, plan, vehicle)
  refreshRoute(model, plan, other)
  return true
}

/** Whether the breaks of both routes still fit; only vehicles with the same breaks can exchange anything. */
function breaksAllow(model: Model, plan: Plan, stop: number, head: number, other: number): boolean {
  const { count, kind } = model.breaks
  const vehicle = plan.vehicle[stop]!
  if (kind[vehicle] !== kind[other]) return false
  if (count[vehicle] === 0) return true
  return (
    model.travel[vehicle]!.out === model.travel[other]!.out &&
    canReach(model, plan, stop, head, vehicle) &&
    canReach(model, plan, plan.previous[head]!, plan.next[stop]!, other)
  )
}

/** What driving two new legs costs more than driving those that they replace, by the prices of the first vehicle. */
function addedCost(
  model: Model,
  plan: Plan,
  stop: number,
  head: number,
  leg: number,
  otherLeg: number,
): number {
  const { place, placeCount } = model
  const { next, previous, legMeters, vehicle: vehicleOf } = plan
  const { out } = model.distance
  const vehicle = vehicleOf[stop]!
  const follower = next[stop]!
  const meters = out[leg]! + out[otherLeg]! - legMeters[follower]! - legMeters[head]!
  const cost = model.costPerMeter[vehicle]! * meters
  const perSecond = model.costPerSecond[vehicle]!
  if (perSecond === 0) return cost
  const seconds = model.duration[vehicle]!.out
  const oldLeg = place[stop]! * placeCount + place[follower]!
  const oldOtherLeg = place[previous[head]!]! * placeCount + place[head]!
  return cost + perSecond * (seconds[leg]! + seconds[otherLeg]! - seconds[oldLeg]! - seconds[oldOtherLeg]!)
}

/** Whether loads, skills and limits let a vehicle go on from `last` to `head` and what follows it. */
function canGoOn(model: Model, plan: Plan, last: number, head: number, vehicle: number): boolean {
  const { stopCount, vehicleCount, dimensions, demand, capacity, isAllowed } = model
  const { next } = plan
  let stops = last < stopCount ? plan.position[last]! + 1 : 0
  for (let node = head; node < stopCount; node = next[node]!) {
    if (isAllowed[node * vehicleCount + vehicle] === 0) return false
    stops++
  }
  if (stops > model.maxStops[vehicle]!) return false
  for (let d = 0; d < dimensions; d++) {
    let load = plan.load[vehicle * dimensions + d]!
    for (let node = next[last]!; node < stopCount; node = next[node]!) load -= demand[node * dimensions + d]!
    for (let node = head; node < stopCount; node = next[node]!) load += demand[node * dimensions + d]!
    if (load > capacity[vehicle * dimensions + d]!) return false
  }
  return model.maxMeters[vehicle] === Number.POSITIVE_INFINITY || fitsMeters(model, plan, last, head, vehicle)
}

function fitsMeters(model: Model, plan: Plan, last: number, head: number, vehicle: number): boolean {
  const { place, placeCount, stopCount } = model
  const { next, legMeters } = plan
  let meters = plan.meters[vehicle]! + model.distance.out[place[last]! * placeCount + place[head]!]!
  meters -= legMeters[next[last]!]!
  for (let node = next[last]!; node < stopCount; node = next[node]!) meters -= legMeters[next[node]!]!
  for (let node = head; node < stopCount; node = next[node]!) meters += legMeters[next[node]!]!
  return meters <= model.maxMeters[vehicle]!
}
