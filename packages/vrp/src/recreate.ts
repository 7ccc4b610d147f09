import {
  createInsertionCache,
  findInsertion,
  type Insertion,
  type InsertionCache,
  NOWHERE,
  scanRoute,
} from './insertion.ts'
import { InsertionOrders } from './insertion-order.ts'
import type { Model } from './model.ts'
import { linkStop, type Plan } from './plan.ts'
import type { Random } from './random.ts'
import { refreshRoute } from './route-evaluation.ts'

/** How often a best position is overlooked (the paper's β for insertion). */
export const BLINK_RATE = 0.01

/** How many of the stops that were absent before are tried again in one iteration, drawn at random. */
const MAX_RETRIES = 40

/** What `recreate` needs besides the plan. `scratch` is reused so that the search allocates nothing. */
export interface RecreateContext {
  readonly model: Model
  readonly cache: InsertionCache
  readonly orders: InsertionOrders
  readonly random: Random
  readonly scratch: RecreateScratch
}

interface RecreateScratch {
  readonly found: Insertion
  /** The vehicles worth trying: all in use, and one unused of each kind. */
  readonly candidates: Int32Array
  candidateCount: number
  /** By twin number: the round in which an unused vehicle of this kind became a candidate. */
  readonly roundOfTwin: Int32Array
  round: number
}

/** Everything that `recreate` keeps between iterations. */
export function createRecreateContext(model: Model, random: Random): RecreateContext {
  return {
    model,
    random,
    cache: createInsertionCache(model),
    orders: new InsertionOrders(model),
    scratch: {
      found: { after: NOWHERE, cost: 0 },
      candidates: new Int32Array(model.vehicleCount),
      candidateCount: 0,
      roundOfTwin: new Int32Array(model.vehicleCount),
      round: 0,
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
  const { model, orders, random, scratch } = context
  const first = drawRetries(plan, plan.count.absent - removed, random)
  orders.sort(plan.absent.subarray(first, plan.count.absent), random)
  listCandidates(model, plan, scratch)
  let left = first
  for (let index = first; index < plan.count.absent; index++) {
    const stop = plan.absent[index]!
    const vehicle = insertStop(context, plan, stop, blinkRate)
    if (vehicle === NOWHERE) plan.absent[left++] = stop
    // The vehicle was unused before: another one of its kind takes its place among the candidates.
    else if (plan.stopCount[vehicle] === 1) listCandidates(model, plan, scratch)
  }
  plan.count.absent = left
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
  const { model, cache, random, scratch } = context
  const { found, candidates } = scratch
  let bestCost = Number.POSITIVE_INFINITY
  let bestAfter = NOWHERE
  let bestVehicle = NOWHERE
  for (let index = 0; index < scratch.candidateCount; index++) {
    const vehicle = candidates[index]!
    findInsertion(model, plan, cache, stop, vehicle, bestCost, found)
    if (found.after === NOWHERE) continue
    if (random.unit() < blinkRate) {
      const overlooked = found.after
      found.after = NOWHERE
      found.cost = bestCost
      scanRoute(model, plan, stop, vehicle, overlooked, found)
      if (found.after === NOWHERE) continue
    }
    bestCost = found.cost
    bestAfter = found.after
    bestVehicle = vehicle
  }
  if (bestVehicle === NOWHERE) return NOWHERE
  linkStop(plan, stop, bestAfter, bestVehicle)
  refreshRoute(model, plan, bestVehicle)
  return bestVehicle
}

function listCandidates(model: Model, plan: Plan, scratch: RecreateScratch): void {
  const round = ++scratch.round
  scratch.candidateCount = 0
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle] === 0) {
      const twin = model.twin[vehicle]!
      if (scratch.roundOfTwin[twin] === round) continue
      scratch.roundOfTwin[twin] = round
    }
    scratch.candidates[scratch.candidateCount++] = vehicle
  }
}
