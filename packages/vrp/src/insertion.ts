import { endNode, FOREVER, firstStart, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'
import { durationWith } from './time-segment.ts'

/** Where to put a stop and what that adds to the cost. */
export interface Insertion {
  /** The node to put it behind; `NOWHERE` when nothing feasible, or nothing cheaper than asked for, was found. */
  after: number
  cost: number
}

export const NOWHERE = -1

/**
 * Remembers the best position of a stop in a route until the route changes. Most routes survive an iteration
 * untouched, so that most questions are answered from here; on large instances nearly all of them.
 */
export interface InsertionCache {
  /** By stop, then by vehicle. */
  readonly version: Int32Array
  readonly after: Int32Array
  readonly cost: Float64Array
}

/** A cache that knows nothing yet. */
export function createInsertionCache(model: Model): InsertionCache {
  const size = model.stopCount * model.vehicleCount
  return { version: new Int32Array(size), after: new Int32Array(size), cost: new Float64Array(size) }
}

/**
 * Finds the cheapest feasible position of a stop in a route, if it costs less than `bound`. Routes that this
 * iteration has not touched are looked up.
 */
export function findInsertion(
  model: Model,
  plan: Plan,
  cache: InsertionCache,
  stop: number,
  vehicle: number,
  bound: number,
  found: Insertion,
): void {
  found.after = NOWHERE
  found.cost = bound
  if (plan.isTouched[vehicle] === 1) {
    if (canTake(model, plan, stop, vehicle)) scanRoute(model, plan, stop, vehicle, NOWHERE, found)
    return
  }
  const slot = stop * model.vehicleCount + vehicle
  if (cache.version[slot] !== plan.version[vehicle]) {
    found.cost = Number.POSITIVE_INFINITY
    if (canTake(model, plan, stop, vehicle)) scanRoute(model, plan, stop, vehicle, NOWHERE, found)
    cache.version[slot] = plan.version[vehicle]!
    cache.after[slot] = found.after
    cache.cost[slot] = found.cost
  }
  const isCheaper = cache.cost[slot]! < bound
  found.after = isCheaper ? cache.after[slot]! : NOWHERE
  found.cost = isCheaper ? cache.cost[slot]! : bound
}

/** Whether the vehicle could take one more stop, going by skills, pins, load and number of stops. */
export function canTake(model: Model, plan: Plan, stop: number, vehicle: number): boolean {
  if (model.isAllowed[stop * model.vehicleCount + vehicle] === 0) return false
  if (plan.stopCount[vehicle]! >= model.maxStops[vehicle]!) return false
  const { dimensions, demand, capacity } = model
  for (let d = 0; d < dimensions; d++) {
    const slot = vehicle * dimensions + d
    if (plan.load[slot]! + demand[stop * dimensions + d]! > capacity[slot]!) return false
  }
  return true
}

/**
 * Improves `found` by trying every position of a route but the one behind `excluded`. The caller has asked
 * `canTake`. This is where the search spends most of its time.
 */
export function scanRoute(
  model: Model,
  plan: Plan,
  stop: number,
  vehicle: number,
  excluded: number,
  found: Insertion,
): void {
  const { place, lastClose } = model
  const { next: nextOf, departure, latestReady, legMeters } = plan
  const row = place[stop]! * model.placeCount
  const metersInto = model.distance.into
  const metersOut = model.distance.out
  const secondsInto = model.duration[vehicle]!.into
  const secondsOut = model.duration[vehicle]!.out
  const perMeter = model.costPerMeter[vehicle]!
  const perSecond = model.costPerSecond[vehicle]!
  const fixed = plan.stopCount[vehicle] === 0 ? model.fixedCost[vehicle]! : 0
  const close = lastClose[stop]!
  const service = model.serviceSeconds[stop]!
  const end = endNode(model, vehicle)
  for (let node = lastLockedNode(model, vehicle); node !== end; node = nextOf[node]!) {
    // Departures only grow along the route: from here on it is too late.
    if (departure[node]! > close) break
    const next = nextOf[node]!
    const placeBefore = place[node]!
    const placeAfter = place[next]!
    const meters = metersInto[row + placeBefore]! + metersOut[row + placeAfter]! - legMeters[next]!
    let cost = fixed + perMeter * meters
    if ((cost >= found.cost && perSecond === 0) || node === excluded) continue
    const ready = departure[node]! + secondsInto[row + placeBefore]!
    if (ready > close) continue
    const done = firstStart(model, stop, ready) + service
    if (done + secondsOut[row + placeAfter]! > latestReady[next]!) continue
    if (perSecond > 0) {
      cost += perSecond * (durationWith(model, plan, stop, node, vehicle) - plan.durationSeconds[vehicle]!)
      if (cost >= found.cost) continue
    }
    found.after = node
    found.cost = cost
  }
}

/** The node behind which a vehicle's route may change. */
export function lastLockedNode(model: Model, vehicle: number): number {
  return model.lockedStops[vehicle]!.at(-1) ?? startNode(model, vehicle)
}

/** Whether an otherwise unused vehicle could serve the stop alone, locked stops aside. */
export function fitsAlone(model: Model, stop: number, vehicle: number): boolean {
  if (model.isAllowed[stop * model.vehicleCount + vehicle] === 0) return false
  const { place, placeCount } = model
  const { out } = model.duration[vehicle]!
  const row = place[stop]! * placeCount
  const toStop = out[place[startNode(model, vehicle)]! * placeCount + place[stop]!]!
  const start = firstStart(model, stop, model.shiftStart[vehicle]! + toStop)
  if (start === FOREVER) return false
  const end = start + model.serviceSeconds[stop]! + out[row + place[endNode(model, vehicle)]!]!
  return end <= model.shiftEnd[vehicle]!
}
