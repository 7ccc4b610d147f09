import { endNode, type Model, startNode } from './model.ts'
import type { Neighbours } from './neighbours.ts'
import { ABSENT, type Plan, touch } from './plan.ts'
import type { Random } from './random.ts'
import { refreshRoute } from './route-evaluation.ts'

/** How many stops are looked at before the search for a reversal gives up. */
const ATTEMPTS = 10

/**
 * Replaces two legs, a → a' and b → b', by a → b and a' → b' (2-opt; Croes, "A Method for Solving Traveling-Salesman
 * Problems", 1958). On one route this turns round what lies between them. Between two routes the beginning of one is turned
 * round to become the end of the other (Osman, 1993): the first replacement found, from a random stop on, that is
 * feasible and makes driving dearer by less than `limit`. What is removed and put back in strings never turns a long
 * part of a route round.
 *
 * Only where nothing is timed and ways are as long there as back, see `Shortcuts.isReversible`. Returns whether there was
 * one.
 */
export function reverseLegs(
  model: Model,
  plan: Plan,
  neighbours: Neighbours,
  random: Random,
  limit: number,
): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stop = random.below(model.stopCount)
    const vehicle = plan.vehicle[stop]!
    if (vehicle === ABSENT) continue
    const isAhead = random.unit() < 0.5
    for (const near of neighbours.of(stop)) {
      const other = plan.vehicle[near]!
      if (other === ABSENT || near === stop) continue
      const first = isAhead ? stop : plan.previous[stop]!
      const second = isAhead ? near : plan.previous[near]!
      if (addedMeters(model, plan, first, second) * model.costPerMeter[0]! >= limit) continue
      if (
        vehicle === other
          ? turnRound(model, plan, first, second, vehicle)
          : tryJoin(model, plan, first, second, vehicle, other)
      )
        return true
    }
  }
  return false
}

function addedMeters(
  { place, placeCount, distance }: Model,
  plan: Plan,
  first: number,
  second: number,
): number {
  const { next, legMeters } = plan
  const follower = next[first]!
  const otherFollower = next[second]!
  const joined = distance.out[place[first]! * placeCount + place[second]!]!
  const otherJoined = distance.out[place[follower]! * placeCount + place[otherFollower]!]!
  return joined + otherJoined - legMeters[follower]! - legMeters[otherFollower]!
}

/** Turns round what lies between two nodes of a route, the later one included. */
function turnRound(model: Model, plan: Plan, first: number, second: number, vehicle: number): boolean {
  const { next, previous, position } = plan
  const isInOrder =
    first >= model.stopCount || (second < model.stopCount && position[first]! < position[second]!)
  const before = isInOrder ? first : second
  const last = isInOrder ? second : first
  if (model.isFixed[before] === 1 || next[before] === last) return false
  if (plan.meters[vehicle]! + addedMeters(model, plan, first, second) > model.maxMeters[vehicle]!)
    return false
  const end = next[last]!
  let ahead = end
  for (let node = next[before]!; node !== end; ) {
    const following = next[node]!
    next[node] = ahead
    previous[ahead] = node
    ahead = node
    node = following
  }
  next[before] = ahead
  previous[ahead] = before
  touch(plan, vehicle)
  refreshRoute(model, plan, vehicle)
  return true
}

/** Joins the beginnings of two routes, and their ends, if that is possible. */
function tryJoin(
  model: Model,
  plan: Plan,
  first: number,
  second: number,
  vehicle: number,
  other: number,
): boolean {
  const { place, lockedStops, maxMeters } = model
  const depot = place[startNode(model, vehicle)]
  if (
    place[endNode(model, vehicle)] !== depot ||
    place[startNode(model, other)] !== depot ||
    place[endNode(model, other)] !== depot
  )
    return false
  if (lockedStops[vehicle]!.length > 0 || lockedStops[other]!.length > 0) return false
  if (maxMeters[vehicle] !== Number.POSITIVE_INFINITY || maxMeters[other] !== Number.POSITIVE_INFINITY)
    return false
  const beginning: number[] = []
  for (let node = second; node < model.stopCount; node = plan.previous[node]!) beginning.push(node)
  const ending: number[] = []
  for (let node = plan.next[first]!; node < model.stopCount; node = plan.next[node]!) ending.push(node)
  if (!canSwap(model, plan, ending, beginning, vehicle) || !canSwap(model, plan, beginning, ending, other))
    return false
  const behind = plan.next[second]!
  chain(plan, first, beginning, endNode(model, vehicle), vehicle)
  chain(plan, startNode(model, other), ending.toReversed(), behind, other)
  touch(plan, vehicle)
  touch(plan, other)
  refreshRoute(model, plan, vehicle)
  refreshRoute(model, plan, other)
  return true
}

/** Whether a vehicle can take some stops in place of some of its own. */
function canSwap(
  model: Model,
  plan: Plan,
  gone: readonly number[],
  come: readonly number[],
  vehicle: number,
): boolean {
  const { dimensions, demand, capacity, isAllowed, vehicleCount, maxStops } = model
  if (plan.stopCount[vehicle]! - gone.length + come.length > maxStops[vehicle]!) return false
  for (let d = 0; d < dimensions; d++) {
    let load = plan.load[vehicle * dimensions + d]!
    for (const stop of gone) load -= demand[stop * dimensions + d]!
    for (const stop of come) load += demand[stop * dimensions + d]!
    if (load > capacity[vehicle * dimensions + d]!) return false
  }
  return come.every((stop) => isAllowed[stop * vehicleCount + vehicle] === 1)
}

/** Links stops one behind the other, between two nodes. */
function chain(plan: Plan, before: number, stops: readonly number[], behind: number, vehicle: number): void {
  let last = before
  for (const stop of stops) {
    plan.next[last] = stop
    plan.previous[stop] = last
    plan.vehicle[stop] = vehicle
    last = stop
  }
  plan.next[last] = behind
  plan.previous[behind] = last
}
