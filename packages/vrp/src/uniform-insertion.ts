import { canTake, type Insertion, type InsertionScratch } from './insertion.ts'
import { endNode, FOREVER, firstStart, type Model, startNode } from './model.ts'
import type { Neighbours } from './neighbours.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'

/**
 * A position beside a neighbour adds at least twice the way to it, less the leg that it replaces. Neighbours this
 * many times as far away as the best position so far costs are passed over: only a very long leg would be worth it.
 */
const REACH = 2

/** Meters of no position: `REACH` times as many still count in 32 bits, where counting is fast. */
const NOTHING_YET = FOREVER / REACH

/**
 * Does what `scanNeighbours` does, faster, for uniform fleets (see `Shortcuts.isUniformFleet`): there a position costs what
 * it adds to the way, so `found.cost` counts meters here. Besides the positions beside the neighbours it tries the ends
 * of the routes that were ruined, which have room.
 */
export function scanNeighboursUniform(
  model: Model,
  plan: Plan,
  scratch: InsertionScratch,
  stop: number,
  neighbours: Neighbours,
  blinkRate: number,
  random: Random,
  found: Insertion,
): void {
  const { place } = model
  const { into, out } = model.distance
  const { next: nextOf, previous, legMeters, vehicle: vehicleOf } = plan
  const near = neighbours.of(stop)
  const reach = neighbours.reachOf(stop)
  const row = place[stop]! * model.placeCount
  scratch.round++
  let best = NOTHING_YET
  for (let index = 0; index < near.length; index++) {
    if (reach[index]! >= REACH * best) continue
    const neighbour = near[index]!
    const vehicle = vehicleOf[neighbour]!
    if (vehicle < 0 || !canTakeNow(model, plan, scratch, stop, vehicle)) continue
    const next = nextOf[neighbour]!
    const behind = (into[row + neighbour]! + out[row + place[next]!]! - legMeters[next]!) | 0
    if (behind < best && fits(model, plan, stop, neighbour, vehicle, behind) && random.unit() >= blinkRate)
      best = keep(found, neighbour, vehicle, behind)
    const before = previous[neighbour]!
    const ahead = (into[row + place[before]!]! + out[row + neighbour]! - legMeters[neighbour]!) | 0
    if (ahead < best && fits(model, plan, stop, before, vehicle, ahead) && random.unit() >= blinkRate)
      best = keep(found, before, vehicle, ahead)
  }
  for (let index = 0; index < plan.count.touched; index++) {
    const vehicle = plan.touched[index]!
    if (plan.stopCount[vehicle] === 0 || !canTakeNow(model, plan, scratch, stop, vehicle)) continue
    for (let side = 0; side < 2; side++) {
      const node = side === 0 ? startNode(model, vehicle) : previous[endNode(model, vehicle)]!
      const next = nextOf[node]!
      const meters = (into[row + place[node]!]! + out[row + place[next]!]! - legMeters[next]!) | 0
      if (meters < best && fits(model, plan, stop, node, vehicle, meters) && random.unit() >= blinkRate)
        best = keep(found, node, vehicle, meters)
    }
  }
  if (best < NOTHING_YET) found.cost = best * model.costPerMeter[0]!
}

function keep(found: Insertion, after: number, vehicle: number, meters: number): number {
  found.after = after
  found.vehicle = vehicle
  return meters
}

/** `canTake`, asked once for each route and stop. */
function canTakeNow(
  model: Model,
  plan: Plan,
  scratch: InsertionScratch,
  stop: number,
  vehicle: number,
): boolean {
  const { askedIn, round } = scratch
  if (askedIn[vehicle] === round) return true
  if (askedIn[vehicle] === -round) return false
  const answer = canTake(model, plan, stop, vehicle)
  askedIn[vehicle] = answer ? round : -round
  return answer
}

/** Whether times and meters allow the stop behind a node. */
function fits(
  model: Model,
  plan: Plan,
  stop: number,
  before: number,
  vehicle: number,
  meters: number,
): boolean {
  const { place } = model
  const { into, out } = model.duration[0]!
  const row = place[stop]! * model.placeCount
  const next = plan.next[before]!
  const start = firstStart(model, stop, plan.departure[before]! + into[row + place[before]!]!)
  return (
    start + model.serviceSeconds[stop]! + out[row + place[next]!]! <= plan.latestReady[next]! &&
    model.isFixed[before] === 0 &&
    plan.meters[vehicle]! + meters <= model.maxMeters[vehicle]!
  )
}
