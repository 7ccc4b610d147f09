import { endNode, type Model, startNode } from './model.ts'
import { roundTrip } from './neighbours.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'

/**
 * Deals the vehicles out to threads so that routes near each other are together: sorted by their mean distance from a
 * random stop, and cut where each thread has its share of the stops. Vehicles without a route go round. Null when there
 * are fewer than `least` routes for each thread.
 */
export function divideRoutes(
  model: Model,
  plan: Plan,
  threads: number,
  least: number,
  random: Random,
): Int32Array | null {
  const pivot = random.below(Math.max(1, model.stopCount))
  const routes: { vehicle: number; distance: number }[] = []
  const owner = new Int32Array(model.vehicleCount)
  let unused = 0
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle]! > 0)
      routes.push({ vehicle, distance: distanceOf(model, plan, vehicle, pivot) })
    else owner[vehicle] = unused++ % threads
  }
  if (routes.length < least * threads) return null
  routes.sort((a, b) => a.distance - b.distance)
  const served = routes.reduce((total, { vehicle }) => total + plan.stopCount[vehicle]!, 0)
  let before = 0
  for (const { vehicle } of routes) {
    owner[vehicle] = Math.min(threads - 1, Math.floor((threads * before) / served))
    before += plan.stopCount[vehicle]!
  }
  return owner
}

function distanceOf(model: Model, plan: Plan, vehicle: number, pivot: number): number {
  const end = endNode(model, vehicle)
  let total = 0
  for (let node = plan.next[startNode(model, vehicle)]!; node !== end; node = plan.next[node]!)
    total += roundTrip(model, pivot, node)
  return total / plan.stopCount[vehicle]!
}
