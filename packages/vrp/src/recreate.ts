import {
  canTake,
  createInsertionScratch,
  type Insertion,
  type InsertionScratch,
  NOWHERE,
  scanNeighbours,
  scanRoute,
} from './insertion.ts'
import { InsertionOrders } from './insertion-order.ts'
import type { Model } from './model.ts'
import { Neighbours, proximity } from './neighbours.ts'
import { ABSENT, linkStop, type Plan } from './plan.ts'
import type { Random } from './random.ts'
import { refreshAfterInsertion, refreshPositions } from './route-evaluation.ts'
import { canTakeShipment, linkShipment, ShipmentInserter } from './shipment-insertion.ts'
import { scanNeighboursUniform } from './uniform-insertion.ts'

/** How often a best position is overlooked (the paper's β for insertion). */
export const BLINK_RATE = 0.01

/** How many stops near it decide where a stop is put in. */
const INSERTION_NEIGHBOURS = 30

/**
 * How often the first stop to be put back must open a route. Greedy insertion alone almost never does, because a route
 * pays off only once several stops have moved there, and then the plan keeps a vehicle too few. Not in the paper.
 */
const OPENING_RATE = 0.03

/** How many of the stops that were absent before are tried again in one iteration, drawn at random. */
const MAX_RETRIES = 40

/** What `recreate` needs besides the plan. `scratch` is reused so that the search allocates nothing. */
export interface RecreateContext {
  readonly model: Model
  readonly neighbours: Neighbours
  readonly shipments: ShipmentInserter
  readonly orders: InsertionOrders
  readonly random: Random
  readonly scratch: RecreateScratch
}

interface RecreateScratch {
  readonly found: Insertion
  /** One unused vehicle of each kind. */
  readonly unused: Int32Array
  unusedCount: number
  readonly insertion: InsertionScratch
  /** By twin number: the round in which an unused vehicle of this kind became a candidate. */
  readonly roundOfTwin: Int32Array
  round: number
  /** Whether the next stop is put into an unused vehicle if one can take it. */
  opensRoute: boolean
}

/** Everything that `recreate` keeps between iterations. */
export function createRecreateContext(model: Model, random: Random): RecreateContext {
  return {
    model,
    random,
    shipments: new ShipmentInserter(model),
    neighbours: new Neighbours(model, INSERTION_NEIGHBOURS, proximity),
    orders: new InsertionOrders(model),
    scratch: {
      found: { after: NOWHERE, deliveryAfter: NOWHERE, vehicle: NOWHERE, cost: 0 },
      unused: new Int32Array(model.vehicleCount),
      unusedCount: 0,
      insertion: createInsertionScratch(model),
      roundOfTwin: new Int32Array(model.vehicleCount),
      round: 0,
      opensRoute: false,
    },
  }
}

/**
 * Greedy insertion with blinks (Christiaens & Vanden Berghe 2020): puts the absent stops back one
 * by one, each at its cheapest feasible position, now and then overlooking the best one of a route. Stops that
 * fit nowhere stay absent. All of the last `removed` absent stops are tried, and some of those before them, so
 * that an iteration stays short on a day on which the fleet is far too small.
 */
export function recreate(context: RecreateContext, plan: Plan, removed: number, blinkRate: number): void {
  const first = drawRetries(plan, plan.count.absent - removed, context.random)
  context.orders.sort(plan.absent.subarray(first, plan.count.absent), context.random)
  context.scratch.opensRoute = context.random.unit() < OPENING_RATE
  insertAbsent(context, plan, first, blinkRate)
}

/**
 * Puts in every absent stop that fits, where it is cheapest, overlooking nothing. Once `isLate` says so, the rest stay
 * absent.
 */
export function insertAll(context: RecreateContext, plan: Plan, isLate?: () => boolean): void {
  context.orders.sortForFirstPlan(plan.absent.subarray(0, plan.count.absent))
  insertAbsent(context, plan, 0, 0, isLate)
}

/** Inserts the absent stops from index `first` on, in their order. */
function insertAbsent(
  context: RecreateContext,
  plan: Plan,
  first: number,
  blinkRate: number,
  isLate?: () => boolean,
): void {
  const { model, scratch } = context
  listUnused(model, plan, scratch)
  let left = first
  for (let index = first; index < plan.count.absent; index++) {
    const stop = plan.absent[index]!
    const vehicle = isLate?.() ? NOWHERE : insertStop(context, plan, stop, blinkRate)
    if (vehicle === NOWHERE) plan.absent[left++] = stop
    // The vehicle was unused before: another one of its kind takes its place.
    else if (wasUnused(model, plan, stop, vehicle)) listUnused(model, plan, scratch)
  }
  plan.count.absent = left
  for (let index = 0; index < plan.count.touched; index++) refreshPositions(model, plan, plan.touched[index]!)
}

/** Whether the stop, or its shipment, is all that the vehicle serves. */
function wasUnused(model: Model, plan: Plan, stop: number, vehicle: number): boolean {
  return plan.stopCount[vehicle] === (model.partner[stop]! >= 0 ? 2 : 1)
}

/** Moves the stops to try again to the end of the first `count`, and returns where the stops to try begin. */
function drawRetries(plan: Plan, count: number, random: Random): number {
  if (count <= MAX_RETRIES) return 0
  for (let slot = count - 1; slot >= count - MAX_RETRIES; slot--) {
    const drawn = random.below(slot + 1)
    const stop = plan.absent[slot]!
    plan.absent[slot] = plan.absent[drawn]!
    plan.absent[drawn] = stop
  }
  return count - MAX_RETRIES
}

/** Returns the vehicle that now serves the stop, or `NOWHERE`. */
function insertStop(context: RecreateContext, plan: Plan, stop: number, blinkRate: number): number {
  findPosition(context, plan, stop, blinkRate)
  return linkFound(context, plan, stop)
}

/** Puts the stop, or its shipment, where `found` says. Returns the vehicle, or `NOWHERE` when nothing was found. */
export function linkFound(context: RecreateContext, plan: Plan, stop: number): number {
  const { model } = context
  const { found } = context.scratch
  if (found.after === NOWHERE) return NOWHERE
  if (model.partner[stop]! >= 0) linkShipment(model, plan, stop, found)
  else {
    linkStop(plan, stop, found.after, found.vehicle)
    refreshAfterInsertion(model, plan, stop, found.vehicle)
  }
  return found.vehicle
}

/** Looks for the cheapest position near the stop's neighbours or in an unused vehicle, then everywhere. */
function findPosition(context: RecreateContext, plan: Plan, stop: number, blinkRate: number): void {
  const { scratch } = context
  const { found, opensRoute } = scratch
  found.after = NOWHERE
  found.cost = Number.POSITIVE_INFINITY
  scratch.opensRoute = false
  if (opensRoute) {
    scanUnused(context, plan, stop)
    if (found.after !== NOWHERE) return
  }
  if (blinkRate > 0) {
    scanNear(context, plan, stop, blinkRate)
    scanUnused(context, plan, stop)
  }
  // Before another vehicle is used, the routes farther away are asked as well.
  if (found.after === NOWHERE || plan.stopCount[found.vehicle] === 0) scanUsed(context, plan, stop)
  if (blinkRate === 0) scanUnused(context, plan, stop)
}

function scanNear(context: RecreateContext, plan: Plan, stop: number, blinkRate: number): void {
  const { model, neighbours, random, scratch } = context
  const { found, insertion } = scratch
  const near = neighbours.of(stop)
  if (model.partner[stop]! >= 0) scanRoutesNear(context, plan, stop, near, blinkRate)
  else if (model.shortcuts.isUniformFleet)
    scanNeighboursUniform(model, plan, insertion, stop, neighbours, blinkRate, random, found)
  else scanNeighbours(model, plan, insertion, stop, near, blinkRate, random, found)
}

/**
 * Whether some vehicle can take the stop in a plan of locked stops alone. What fits nowhere then is not tried again
 * and again.
 */
export function isPlaceable(context: RecreateContext, plan: Plan, stop: number): boolean {
  const { found } = context.scratch
  found.after = NOWHERE
  found.cost = Number.POSITIVE_INFINITY
  for (let vehicle = 0; vehicle < context.model.vehicleCount && found.after === NOWHERE; vehicle++)
    scanVehicle(context, plan, stop, vehicle)
  return found.after !== NOWHERE
}

function scanUsed(context: RecreateContext, plan: Plan, stop: number): void {
  for (let vehicle = 0; vehicle < context.model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle]! > 0) scanVehicle(context, plan, stop, vehicle)
  }
}

function scanUnused(context: RecreateContext, plan: Plan, stop: number): void {
  const { unused, unusedCount } = context.scratch
  for (let index = 0; index < unusedCount; index++) scanVehicle(context, plan, stop, unused[index]!)
}

/** Tries a shipment in the routes of its pickup's neighbours, now and then overlooking one. */
function scanRoutesNear(
  context: RecreateContext,
  plan: Plan,
  stop: number,
  near: Int32Array,
  blinkRate: number,
): void {
  const { insertion } = context.scratch
  const round = ++insertion.round
  for (const neighbour of near) {
    const vehicle = plan.vehicle[neighbour]!
    if (vehicle === ABSENT || insertion.askedIn[vehicle] === round) continue
    insertion.askedIn[vehicle] = round
    if (context.random.unit() >= blinkRate) scanVehicle(context, plan, stop, vehicle)
  }
}

/** Improves `found` by the cheapest position of the stop, or of its shipment, in a vehicle that can take it. */
export function scanVehicle(
  { model, shipments, scratch }: RecreateContext,
  plan: Plan,
  stop: number,
  vehicle: number,
) {
  if (model.partner[stop]! >= 0) {
    if (canTakeShipment(model, plan, stop, vehicle)) shipments.scanRoute(plan, stop, vehicle, scratch.found)
  } else if (canTake(model, plan, stop, vehicle)) scanRoute(model, plan, stop, vehicle, scratch.found)
}

/** Lists one unused vehicle of each kind. */
function listUnused(model: Model, plan: Plan, scratch: RecreateScratch): void {
  const round = ++scratch.round
  scratch.unusedCount = 0
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle] !== 0) continue
    const twin = model.twin[vehicle]!
    if (scratch.roundOfTwin[twin] === round) continue
    scratch.roundOfTwin[twin] = round
    scratch.unused[scratch.unusedCount++] = vehicle
  }
}
