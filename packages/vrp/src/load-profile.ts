import { endNode, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'

/**
 * Loads that rise and fall along a route: pickups and shipments. With the load after each node and the peaks up to
 * it and from it on, whether a stop fits takes constant time.
 */
export function refreshLoadProfile(model: Model, plan: Plan, vehicle: number): void {
  const { dimensions, loadChange } = model
  const { loadAfter, peakBefore, peakAfter } = plan
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  for (let d = 0; d < dimensions; d++) {
    let load = plan.load[vehicle * dimensions + d]!
    let peak = load
    for (let node = start; node !== end; node = plan.next[node]!) {
      if (node !== start) load += loadChange[node * dimensions + d]!
      peak = Math.max(peak, load)
      loadAfter[node * dimensions + d] = load
      peakBefore[node * dimensions + d] = peak
    }
    peak = 0
    for (let node = plan.previous[end]!; ; node = plan.previous[node]!) {
      peak = Math.max(peak, loadAfter[node * dimensions + d]!)
      peakAfter[node * dimensions + d] = peak
      if (node === start) break
    }
  }
}

/** Whether there is room for a stop behind a node: for its demand before, for its pickup afterwards. */
export function hasRoom(model: Model, plan: Plan, stop: number, after: number, vehicle: number): boolean {
  const { dimensions, demand, pickup, capacity } = model
  for (let d = 0; d < dimensions; d++) {
    const limit = capacity[vehicle * dimensions + d]!
    if (plan.peakBefore[after * dimensions + d]! + demand[stop * dimensions + d]! > limit) return false
    if (plan.peakAfter[after * dimensions + d]! + pickup[stop * dimensions + d]! > limit) return false
  }
  return true
}

/** Whether what a pickup stop takes on board fits onto the load that leaves a node. */
export function canCarry(
  model: Model,
  plan: Plan,
  pickupStop: number,
  node: number,
  vehicle: number,
): boolean {
  const { dimensions, loadChange, capacity } = model
  for (let d = 0; d < dimensions; d++) {
    const load = plan.loadAfter[node * dimensions + d]! + loadChange[pickupStop * dimensions + d]!
    if (load > capacity[vehicle * dimensions + d]!) return false
  }
  return true
}
