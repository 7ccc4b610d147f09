import { bestInsertion, type Insertion, type InsertionCache, NOWHERE, scanRoute } from './insertion.ts'
import type { InsertionOrders } from './insertion-order.ts'
import type { Model } from './model.ts'
import { linkStop, type Plan } from './plan.ts'
import type { Random } from './random.ts'
import { hasRoom, refreshRoute } from './route-evaluation.ts'

/** How often a best position is overlooked (the paper's β for insertion). */
export const BLINK_RATE = 0.01

/** What `recreate` needs besides the plan. `scratch` is reused so that the search allocates nothing. */
export interface RecreateContext {
  readonly model: Model
  readonly cache: InsertionCache
  readonly orders: InsertionOrders
  readonly random: Random
  readonly scratch: { readonly found: Insertion; readonly triedTwin: Int32Array; round: number }
}

/**
 * Greedy insertion with blinks (Christiaens & Vanden Berghe 2020, section 5.2): puts the absent stops back one
 * by one, each at its cheapest feasible position, now and then overlooking the best one. Stops that fit nowhere
 * stay absent.
 */
export function recreate(context: RecreateContext, plan: Plan, blinkRate: number): void {
  const { model, orders, random } = context
  orders.sort(plan.absent, plan.count.absent, random)
  let left = 0
  for (let index = 0; index < plan.count.absent; index++) {
    const stop = plan.absent[index]!
    if (!insertStop(context, model, plan, stop, blinkRate)) plan.absent[left++] = stop
  }
  plan.count.absent = left
}

function insertStop(
  context: RecreateContext,
  model: Model,
  plan: Plan,
  stop: number,
  blinkRate: number,
): boolean {
  const { cache, random, scratch } = context
  const { found, triedTwin } = scratch
  const round = ++scratch.round
  let bestCost = Number.POSITIVE_INFINITY
  let bestAfter = NOWHERE
  let bestVehicle = NOWHERE
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle] === 0) {
      const twin = model.twin[vehicle]!
      if (triedTwin[twin] === round) continue
      triedTwin[twin] = round
    }
    if (model.isAllowed[stop * model.vehicleCount + vehicle] === 0) continue
    if (!hasRoom(model, plan, stop, vehicle)) continue
    bestInsertion(model, plan, cache, stop, vehicle, found)
    if (found.cost >= bestCost) continue
    if (random.unit() < blinkRate) {
      scanRoute(model, plan, stop, vehicle, found.after, found)
      if (found.cost >= bestCost) continue
    }
    bestCost = found.cost
    bestAfter = found.after
    bestVehicle = vehicle
  }
  if (bestVehicle === NOWHERE) return false
  linkStop(plan, stop, bestAfter, bestVehicle)
  refreshRoute(model, plan, bestVehicle)
  return true
}
