import { durationAlone, isInTime, reach, serve } from './break-schedule.ts'
import { type Insertion, lastLockedNode, NOWHERE, priceOfMove } from './insertion.ts'
import { canCarry } from './load-profile.ts'
import { endNode, FOREVER, type Model } from './model.ts'
import { linkStop, type Plan } from './plan.ts'
import { refreshRoute } from './route-evaluation.ts'

/** Whether the vehicle could take a shipment, going by skills, pins and number of stops. */
export function canTakeShipment(model: Model, plan: Plan, pickupStop: number, vehicle: number): boolean {
  const deliveryStop = model.partner[pickupStop]!
  if (model.isAllowed[pickupStop * model.vehicleCount + vehicle] === 0) return false
  if (model.isAllowed[deliveryStop * model.vehicleCount + vehicle] === 0) return false
  return plan.stopCount[vehicle]! + 2 <= model.maxStops[vehicle]!
}

/**
 * Improves `found` by trying every pair of positions for the two stops of a shipment (the insertion of pickup and
 * delivery pairs of Ropke & Pisinger, "An Adaptive Large Neighborhood Search Heuristic for the Pickup and Delivery
 * Problem with Time Windows", 2006). Behind each position of the pickup the times are followed along the route
 * until it no longer works. Time that is paid for is priced by driving and serving alone, without waiting,
 * in vehicles that are in use.
 */
export class ShipmentInserter {
  readonly #model: Model
  /** By layer: departures from the node before the delivery, see `break-schedule.ts`. */
  readonly #clock: Int32Array
  readonly #atDelivery: Int32Array
  readonly #scratch: Int32Array

  constructor(model: Model) {
    this.#model = model
    this.#clock = new Int32Array(model.breaks.layers)
    this.#atDelivery = new Int32Array(model.breaks.layers)
    this.#scratch = new Int32Array(model.breaks.layers)
  }

  scanRoute(plan: Plan, pickupStop: number, vehicle: number, found: Insertion): void {
    const model = this.#model
    const end = endNode(model, vehicle)
    for (let node = lastLockedNode(model, vehicle); node !== end; node = plan.next[node]!) {
      if (!canCarry(model, plan, pickupStop, node, vehicle)) continue
      this.#startFrom(plan, pickupStop, node, vehicle)
      this.#scanDeliveries(plan, pickupStop, node, vehicle, found)
    }
  }

  /** Sets the clock to the departure from a pickup behind `after`. */
  #startFrom(plan: Plan, pickupStop: number, after: number, vehicle: number): void {
    const { layers, count } = this.#model.breaks
    if (count[vehicle] === 0) {
      this.#scratch.fill(FOREVER)
      this.#scratch[0] = plan.departure[after]!
      reach(this.#model, vehicle, this.#scratch, 0, after, pickupStop, this.#clock)
    } else reach(this.#model, vehicle, plan.layerDeparture, after * layers, after, pickupStop, this.#clock)
    serve(this.#model, pickupStop, this.#clock)
  }

  /** Tries the delivery directly behind the pickup, then behind each node that follows. */
  #scanDeliveries(plan: Plan, pickupStop: number, after: number, vehicle: number, found: Insertion): void {
    const model = this.#model
    const deliveryStop = model.partner[pickupStop]!
    const end = endNode(model, vehicle)
    for (let before = pickupStop; ; ) {
      const next = before === pickupStop ? plan.next[after]! : plan.next[before]!
      reach(model, vehicle, this.#clock, 0, before, deliveryStop, this.#atDelivery)
      serve(model, deliveryStop, this.#atDelivery)
      reach(model, vehicle, this.#atDelivery, 0, deliveryStop, next, this.#scratch)
      if (this.#isInTime(plan, next, vehicle))
        this.#consider(plan, pickupStop, after, before, next, vehicle, found)
      if (next === end) return
      reach(model, vehicle, this.#clock, 0, before, next, this.#scratch)
      if (!this.#isInTime(plan, next, vehicle) || !canCarry(model, plan, pickupStop, next, vehicle)) return
      serve(model, next, this.#scratch)
      this.#clock.set(this.#scratch)
      before = next
    }
  }

  #isInTime(plan: Plan, node: number, vehicle: number): boolean {
    if (this.#model.breaks.count[vehicle] === 0) return this.#scratch[0]! <= plan.latestReady[node]!
    return isInTime(this.#model, plan, this.#scratch, node)
  }

  /** Keeps the pair of positions in `found` if it is allowed and cheaper. */
  #consider(
    plan: Plan,
    pickupStop: number,
    after: number,
    before: number,
    next: number,
    vehicle: number,
    found: Insertion,
  ): void {
    const model = this.#model
    const deliveryStop = model.partner[pickupStop]!
    const added = (legs: Int32Array) => addedBy(model, plan, legs, pickupStop, after, before, next, vehicle)
    const meters = added(model.distance.out)
    if (plan.meters[vehicle]! + meters > model.maxMeters[vehicle]!) return
    const travel = added(model.travel[vehicle]!.out)
    if (plan.travelSeconds[vehicle]! + travel > model.maxTravelSeconds[vehicle]!) return
    const service = model.serviceSeconds[pickupStop]! + model.serviceSeconds[deliveryStop]!
    const isUnused = plan.stopCount[vehicle] === 0
    const isExact = isUnused && model.costPerSecond[vehicle]! > 0
    const seconds = isExact
      ? durationAlone(model, vehicle, [after, pickupStop, deliveryStop, next])
      : added(model.duration[vehicle]!.out) + service
    const cost =
      (isUnused ? model.fixedCost[vehicle]! : 0) +
      priceOfMove(model, plan, pickupStop, after, vehicle) +
      priceOfMove(model, plan, deliveryStop, before === pickupStop ? after : before, vehicle) +
      model.costPerMeter[vehicle]! * meters +
      model.costPerTravelSecond[vehicle]! * travel +
      model.costPerSecond[vehicle]! * seconds
    if (cost >= found.cost) return
    found.after = after
    found.deliveryAfter = before
    found.vehicle = vehicle
    found.cost = cost
  }
}

/** Puts both stops of a shipment where `found` says. */
export function linkShipment(model: Model, plan: Plan, pickupStop: number, found: Insertion): void {
  if (found.after === NOWHERE) return
  linkStop(plan, pickupStop, found.after, found.vehicle)
  linkStop(plan, model.partner[pickupStop]!, found.deliveryAfter, found.vehicle)
  refreshRoute(model, plan, found.vehicle)
}

/** What the two stops add to the sum of a route's legs. */
function addedBy(
  { place, placeCount, partner }: Model,
  plan: Plan,
  legs: Int32Array,
  pickupStop: number,
  after: number,
  before: number,
  next: number,
  vehicle: number,
): number {
  const leg = (a: number, b: number) => legs[place[a]! * placeCount + place[b]!]!
  const deliveryStop = partner[pickupStop]!
  const isUnused = plan.stopCount[vehicle] === 0
  const toPickup = leg(after, pickupStop)
  const aroundDelivery = leg(before, deliveryStop) + leg(deliveryStop, next)
  if (before === pickupStop) return toPickup + aroundDelivery - (isUnused ? 0 : leg(after, next))
  const follower = plan.next[after]!
  return toPickup + leg(pickupStop, follower) - leg(after, follower) + aroundDelivery - leg(before, next)
}
