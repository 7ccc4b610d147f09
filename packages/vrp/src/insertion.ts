import { fitsWithBreaks } from './break-schedule.ts'
import { hasRoom } from './load-profile.ts'
import { endNode, firstStart, type Model, startNode } from './model.ts'
import { ABSENT, type Plan } from './plan.ts'
import type { Random } from './random.ts'
import { durationWith } from './time-segment.ts'

/** Where to put a stop and what that adds to the cost. */
export interface Insertion {
  /** The node to put it behind; `NOWHERE` when nothing feasible was found. */
  after: number
  /** For a shipment, the node to put its delivery behind once the pickup is in. */
  deliveryAfter: number
  vehicle: number
  cost: number
}

export const NOWHERE = -1

/** What `scanNeighbours` keeps between calls, so that it allocates nothing. */
export interface InsertionScratch {
  round: number
  /** By node: the round in which the position behind it was priced. */
  readonly pricedIn: Int32Array
  /** By vehicle: the round in which `canTake` was asked, and its answer. */
  readonly askedIn: Int32Array
  readonly answer: Uint8Array
}

/** Scratch that has seen no round yet. */
export function createInsertionScratch(model: Model): InsertionScratch {
  return {
    round: 0,
    pricedIn: new Int32Array(model.nodeCount),
    askedIn: new Int32Array(model.vehicleCount),
    answer: new Uint8Array(model.vehicleCount),
  }
}

/**
 * Improves `found` by trying the positions before and behind each of `near`, the stop's neighbours (the granular
 * search of Toth & Vigo, "The Granular Tabu Search", 2003, applied to insertion). Now and then, at `blinkRate`,
 * an improving position is overlooked. This is where the search spends most of its time.
 */
export function scanNeighbours(
  model: Model,
  plan: Plan,
  scratch: InsertionScratch,
  stop: number,
  near: Int32Array,
  blinkRate: number,
  random: Random,
  found: Insertion,
): void {
  const { place, placeCount, lastClose, isFixed, costPerMeter, costPerSecond } = model
  const { next: nextOf, previous, departure, latestReady, legMeters, vehicle: vehicleOf } = plan
  const { pricedIn, askedIn, answer } = scratch
  const round = ++scratch.round
  const row = place[stop]! * placeCount
  const metersInto = model.distance.into
  const metersOut = model.distance.out
  const close = lastClose[stop]!
  const open = model.windowOpen[model.windowFrom[stop]!]!
  const hasOneWindow = model.windowFrom[stop + 1] === model.windowFrom[stop]! + 1
  const service = model.serviceSeconds[stop]!
  for (let index = 0; index < near.length; index++) {
    const neighbour = near[index]!
    const vehicle = vehicleOf[neighbour]!
    if (vehicle === ABSENT) continue
    let sides = 2
    if (askedIn[vehicle] !== round) {
      sides = 4
      askedIn[vehicle] = round
      answer[vehicle] = canTake(model, plan, stop, vehicle) ? 1 : 0
    }
    if (answer[vehicle] === 0) continue
    const duration = model.duration[vehicle]!
    const perMeter = costPerMeter[vehicle]!
    const perSecond = costPerSecond[vehicle]!
    const perTravelSecond = model.costPerTravelSecond[vehicle]!
    // The first time that a route is met, its ends are tried as well.
    for (let side = 0; side < sides; side++) {
      const node = side === 0 ? neighbour : nodeBefore(model, previous, neighbour, vehicle, side)
      if (pricedIn[node] === round) continue
      pricedIn[node] = round
      const next = nextOf[node]!
      const placeBefore = place[node]!
      const placeAfter = place[next]!
      const meters = metersInto[row + placeBefore]! + metersOut[row + placeAfter]! - legMeters[next]!
      let cost = perMeter * meters + priceOfMove(model, plan, stop, node, vehicle)
      if (perTravelSecond > 0) cost += perTravelSecond * addedTravel(model, plan, stop, node, vehicle)
      if ((cost >= found.cost && perSecond === 0) || isFixed[node] === 1) continue
      const ready = departure[node]! + duration.into[row + placeBefore]!
      if (ready > close) continue
      const start = hasOneWindow ? Math.max(ready, open) : firstStart(model, stop, ready)
      if (start + service + duration.out[row + placeAfter]! > latestReady[next]!) continue
      if (perSecond > 0) {
        cost += perSecond * (durationWith(model, plan, stop, node, vehicle) - plan.durationSeconds[vehicle]!)
        if (cost >= found.cost) continue
      }
      if (plan.meters[vehicle]! + meters > model.maxMeters[vehicle]!) continue
      if (model.isPlain[vehicle] === 0 && !fitsBesides(model, plan, stop, node, vehicle)) continue
      if (random.unit() < blinkRate) continue
      found.after = node
      found.vehicle = vehicle
      found.cost = cost
    }
  }
}

/** The node before the neighbour (side 1), or one of the route's ends (2 and 3). */
function nodeBefore(
  model: Model,
  previous: Int32Array,
  neighbour: number,
  vehicle: number,
  side: number,
): number {
  if (side === 1) return previous[neighbour]!
  return side === 2 ? startNode(model, vehicle) : previous[endNode(model, vehicle)]!
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

/** Improves `found` by trying every position of a route. The caller has asked `canTake`. */
export function scanRoute(model: Model, plan: Plan, stop: number, vehicle: number, found: Insertion): void {
  const { place, lastClose } = model
  const { next: nextOf, departure, latestReady, legMeters } = plan
  const row = place[stop]! * model.placeCount
  const metersInto = model.distance.into
  const metersOut = model.distance.out
  const secondsInto = model.duration[vehicle]!.into
  const secondsOut = model.duration[vehicle]!.out
  const perMeter = model.costPerMeter[vehicle]!
  const perSecond = model.costPerSecond[vehicle]!
  const perTravelSecond = model.costPerTravelSecond[vehicle]!
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
    let cost = fixed + perMeter * meters + priceOfMove(model, plan, stop, node, vehicle)
    if (perTravelSecond > 0) cost += perTravelSecond * addedTravel(model, plan, stop, node, vehicle)
    if (cost >= found.cost && perSecond === 0) continue
    const ready = departure[node]! + secondsInto[row + placeBefore]!
    if (ready > close) continue
    const done = firstStart(model, stop, ready) + service
    if (done + secondsOut[row + placeAfter]! > latestReady[next]!) continue
    if (perSecond > 0) {
      cost += perSecond * (durationWith(model, plan, stop, node, vehicle) - plan.durationSeconds[vehicle]!)
      if (cost >= found.cost) continue
    }
    if (plan.meters[vehicle]! + meters > model.maxMeters[vehicle]!) continue
    if (model.isPlain[vehicle] === 0 && !fitsBesides(model, plan, stop, node, vehicle)) continue
    found.after = node
    found.vehicle = vehicle
    found.cost = cost
  }
}

/** The node behind which a vehicle's route may change. */
export function lastLockedNode(model: Model, vehicle: number): number {
  return model.lockedStops[vehicle]!.at(-1) ?? startNode(model, vehicle)
}

/**
 * What putting a stop behind a node changes about its announcement. Its place is compared with where it would be if
 * all stops of the route stood in the order that was announced, because others are still absent.
 */
export function priceOfMove(model: Model, plan: Plan, stop: number, after: number, vehicle: number): number {
  const { announced } = model
  if (!announced.isPriced || announced.vehicle[stop]! < 0) return 0
  if (announced.vehicle[stop] !== vehicle) return announced.otherVehiclePrice
  if (announced.otherPositionPrice === 0) return 0
  const position = after < model.stopCount ? plan.position[after]! + 1 : 0
  let expected = 0
  const end = endNode(model, vehicle)
  for (let node = plan.next[startNode(model, vehicle)]!; node !== end; node = plan.next[node]!) {
    if (announced.vehicle[node] !== vehicle) continue
    if (announced.position[node]! < announced.position[stop]!) expected++
  }
  return Math.abs(position - expected) > announced.tolerance ? announced.otherPositionPrice : 0
}

/** What a vehicle that is not plain asks besides times, load sums and meters. */
function fitsBesides(model: Model, plan: Plan, stop: number, after: number, vehicle: number): boolean {
  const travel = plan.travelSeconds[vehicle]! + addedTravel(model, plan, stop, after, vehicle)
  if (travel > model.maxTravelSeconds[vehicle]!) return false
  if (model.hasLoadProfile && !hasRoom(model, plan, stop, after, vehicle)) return false
  return model.breaks.count[vehicle] === 0 || fitsWithBreaks(model, plan, stop, after, vehicle)
}

/** How much driving a stop adds behind a node; an unused vehicle did not drive at all. */
function addedTravel(model: Model, plan: Plan, stop: number, after: number, vehicle: number): number {
  const { place, placeCount } = model
  const { into, out } = model.travel[vehicle]!
  const row = place[stop]! * placeCount
  const next = plan.next[after]!
  const saved = plan.stopCount[vehicle] === 0 ? 0 : out[place[after]! * placeCount + place[next]!]!
  return into[row + place[after]!]! + out[row + place[next]!]! - saved
}
