import { lastLockedNode } from './insertion.ts'
import type { Model } from './model.ts'
import type { Neighbours } from './neighbours.ts'
import { ABSENT, type Plan, unlinkStop } from './plan.ts'
import type { Random } from './random.ts'
import { isRouteFeasible, refreshRoute } from './route-evaluation.ts'

/** Knobs of the ruin, with the names that the paper gives them. */
export interface RuinParameters {
  /** Stops to remove on average (c̄). */
  readonly averageRemoved: number
  /** The longest string (L^max). */
  readonly maxStringLength: number
  /** How often a string keeps some stops in its middle (α). */
  readonly splitRate: number
  /** How often the kept middle grows by one more stop (β). */
  readonly splitGrowth: number
  /** How often a whole route is removed instead of strings; not in the paper. */
  readonly routeRate: number
}

const MAX_DRAWS = 20

/** Small instances gain from many small ruins, large ones from fewer that reach further. */
export function ruinParameters(stopCount: number): RuinParameters {
  const averageRemoved = Math.min(10, Math.max(6, stopCount / 25))
  return {
    averageRemoved,
    maxStringLength: Math.min(10, Math.floor(averageRemoved) + 2),
    splitRate: 0.5,
    splitGrowth: 0.01,
    routeRate: 0.02,
  }
}

/**
 * Adjacent string removal (Christiaens & Vanden Berghe, "Slack Induction by String Removals for Vehicle Routing
 * Problems", Transportation Science 2020): removes strings of consecutive stops from a few routes
 * near a random stop, so that those routes gain slack in time and load at the same place. Returns how many.
 */
export function ruin(model: Model, plan: Plan, neighbours: Neighbours, random: Random): number {
  const parameters = ruinParameters(model.stopCount)
  const absentBefore = plan.count.absent
  const served = model.stopCount - absentBefore - plan.count.elsewhere
  if (served === 0) return 0
  if (random.unit() < parameters.routeRate) {
    removeRoute(model, plan, drawStop(model, plan, random))
    return plan.count.absent - absentBefore
  }
  const longest = Math.min(parameters.maxStringLength, Math.max(1, served / countUsed(plan)))
  const mostStrings = (4 * parameters.averageRemoved) / (1 + longest) - 1
  const strings = Math.floor(1 + random.unit() * mostStrings)
  for (const stop of neighbours.of(drawStop(model, plan, random))) {
    if (plan.count.touched >= strings) break
    const vehicle = plan.vehicle[stop]!
    if (vehicle === ABSENT || plan.isTouched[vehicle] === 1 || model.isLocked[stop] === 1) continue
    const free = plan.stopCount[vehicle]! - model.lockedStops[vehicle]!.length
    const length = Math.floor(1 + random.unit() * Math.min(free, longest))
    removeString(model, plan, stop, Math.min(length, free), parameters, random)
  }
  for (let index = 0; index < plan.count.touched; index++) refreshOrClear(model, plan, plan.touched[index]!)
  return plan.count.absent - absentBefore
}

/** Any stop; when other threads plan some, preferably one that this plan serves. */
function drawStop(model: Model, plan: Plan, random: Random): number {
  let stop = random.below(model.stopCount)
  for (let draws = 1; plan.count.elsewhere > 0 && plan.vehicle[stop] === ABSENT && draws < MAX_DRAWS; draws++)
    stop = random.below(model.stopCount)
  return stop
}

/** Removes `length` stops around `stop`, either in one piece or leaving out a middle. */
function removeString(
  model: Model,
  plan: Plan,
  stop: number,
  length: number,
  parameters: RuinParameters,
  random: Random,
): void {
  const vehicle = plan.vehicle[stop]!
  const locked = model.lockedStops[vehicle]!.length
  const free = plan.stopCount[vehicle]! - locked
  const kept = random.unit() < parameters.splitRate ? keptLength(length, free, parameters, random) : 0
  const span = length + kept
  const position = plan.position[stop]! - locked
  const lowest = Math.max(0, position - span + 1)
  const highest = Math.min(position, free - span)
  const first = lowest + random.below(highest - lowest + 1)
  const keptFrom = kept > 0 ? random.below(length + 1) : span
  let node = stop
  for (let steps = position - first; steps > 0; steps--) node = plan.previous[node]!
  const doomed: number[] = []
  for (let index = 0; index < span; index++) {
    if (index < keptFrom || index >= keptFrom + kept) doomed.push(node)
    node = plan.next[node]!
  }
  // A stop that has gone already went as the other half of a shipment.
  for (const gone of doomed) if (plan.vehicle[gone] !== ABSENT) unlinkStop(model, plan, gone)
}

/**
 * Removes the whole route of a stop: strings alone seldom empty a long route, and then the plan keeps a vehicle too
 * many.
 */
function removeRoute(model: Model, plan: Plan, stop: number): void {
  const vehicle = plan.vehicle[stop]!
  if (vehicle !== ABSENT) clearRoute(model, plan, vehicle)
}

/** Brings a ruined route up to date. One that breaks a limit now loses all stops but the locked ones. */
export function refreshOrClear(model: Model, plan: Plan, vehicle: number): void {
  refreshRoute(model, plan, vehicle)
  const isFine = plan.stopCount[vehicle] === 0 || isRouteFeasible(model, plan, vehicle)
  if (!isFine) clearRoute(model, plan, vehicle)
}

/** Takes all stops but the locked ones out of a route. */
export function clearRoute(model: Model, plan: Plan, vehicle: number): void {
  const last = lastLockedNode(model, vehicle)
  for (let node = plan.next[last]!; node < model.stopCount; node = plan.next[last]!) {
    unlinkStop(model, plan, node)
  }
  refreshRoute(model, plan, vehicle)
}

function keptLength(length: number, free: number, parameters: RuinParameters, random: Random): number {
  if (length < 2 || length >= free) return 0
  let kept = 1
  while (length + kept < free && random.unit() < parameters.splitGrowth) kept++
  return kept
}

function countUsed(plan: Plan): number {
  let used = 0
  for (let vehicle = 0; vehicle < plan.stopCount.length; vehicle++) if (plan.stopCount[vehicle]! > 0) used++
  return used
}
