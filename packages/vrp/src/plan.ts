import { endNode, type Model, startNode } from './model.ts'

/**
 * A set of routes as doubly linked chains of nodes, with what `refreshRoute` derives about each node and route.
 * Every stop is on one chain, or `ABSENT` and in the list of absent stops.
 */
export interface Plan {
  readonly next: Int32Array
  readonly previous: Int32Array
  /** By stop: its vehicle or `ABSENT`. */
  readonly vehicle: Int32Array
  /** By stop: 0 for the first of its route. */
  readonly position: Int32Array
  /** By node: the end of its service when everything before happens as early as possible. */
  readonly departure: Int32Array
  /** By node: the latest time to be ready there from which the rest of the route still works. */
  readonly latestReady: Int32Array
  /** By node: the leg that leads to it. */
  readonly legMeters: Int32Array
  /** By node, for vehicles paid by time: the route up to here and from here on, see `time-segment.ts`. */
  readonly prefix: SegmentArrays
  readonly suffix: SegmentArrays
  readonly windowOpen: Int32Array
  readonly windowClose: Int32Array
  /** By vehicle, then by dimension. */
  readonly load: Float64Array
  readonly stopCount: Int32Array
  readonly meters: Float64Array
  readonly durationSeconds: Int32Array
  readonly cost: Float64Array
  readonly absent: Int32Array
  /** The vehicles whose routes differ from the plan last synchronised with. */
  readonly touched: Int32Array
  readonly isTouched: Uint8Array
  readonly count: { absent: number; touched: number }
}

/** Segments by node: least duration, and the earliest and latest start that achieve it. */
export interface SegmentArrays {
  readonly duration: Int32Array
  readonly early: Int32Array
  readonly late: Int32Array
}

export const ABSENT = -1

/** A plan in which each vehicle goes from start to end and every stop is absent. Not refreshed yet. */
export function createPlan(model: Model): Plan {
  const { stopCount, vehicleCount, nodeCount, dimensions } = model
  const byNode = () => new Int32Array(nodeCount)
  const segments = () => ({ duration: byNode(), early: byNode(), late: byNode() })
  const plan: Plan = {
    next: byNode(),
    previous: byNode(),
    vehicle: new Int32Array(stopCount).fill(ABSENT),
    position: new Int32Array(stopCount),
    departure: byNode(),
    latestReady: byNode(),
    legMeters: byNode(),
    prefix: segments(),
    suffix: segments(),
    windowOpen: byNode(),
    windowClose: byNode(),
    load: new Float64Array(vehicleCount * dimensions),
    stopCount: new Int32Array(vehicleCount),
    meters: new Float64Array(vehicleCount),
    durationSeconds: new Int32Array(vehicleCount),
    cost: new Float64Array(vehicleCount),
    absent: new Int32Array(stopCount),
    touched: new Int32Array(vehicleCount),
    isTouched: new Uint8Array(vehicleCount),
    count: { absent: 0, touched: 0 },
  }
  for (let vehicle = 0; vehicle < vehicleCount; vehicle++) {
    plan.next[startNode(model, vehicle)] = endNode(model, vehicle)
    plan.previous[endNode(model, vehicle)] = startNode(model, vehicle)
  }
  return plan
}

/** Copies everything, touched marks included. */
export function copyPlan(from: Plan, to: Plan): void {
  for (const name of Object.keys(from) as (keyof Plan)[]) {
    const source = from[name]
    const target = to[name]
    if (ArrayBuffer.isView(source)) (target as Int32Array).set(source as Int32Array)
    else if ('duration' in source) copySegments(source, target as SegmentArrays)
    else Object.assign(target, source)
  }
}

/** Puts a stop behind a node. The route must be refreshed before anything else is asked of it. */
export function linkStop(plan: Plan, stop: number, after: number, vehicle: number): void {
  const next = plan.next[after]!
  plan.next[after] = stop
  plan.previous[stop] = after
  plan.next[stop] = next
  plan.previous[next] = stop
  plan.vehicle[stop] = vehicle
  touch(plan, vehicle)
}

/** Takes a stop out of its route and lists it as absent. The route must be refreshed afterwards. */
export function unlinkStop(plan: Plan, stop: number): void {
  const next = plan.next[stop]!
  const previous = plan.previous[stop]!
  plan.next[previous] = next
  plan.previous[next] = previous
  touch(plan, plan.vehicle[stop]!)
  plan.vehicle[stop] = ABSENT
  plan.absent[plan.count.absent++] = stop
}

/** Makes `to` equal to `from` where `changed` (one of the two) was touched, and forgets the touched marks. */
export function synchronise(model: Model, from: Plan, to: Plan, changed: Plan): void {
  for (let index = 0; index < changed.count.touched; index++) {
    const vehicle = changed.touched[index]!
    changed.isTouched[vehicle] = 0
    copyRoute(model, from, to, vehicle)
  }
  changed.count.touched = 0
  for (let index = 0; index < from.count.absent; index++) {
    const stop = from.absent[index]!
    to.absent[index] = stop
    to.vehicle[stop] = ABSENT
  }
  to.count.absent = from.count.absent
}

/** The total cost of the routes. */
export function planCost(plan: Plan): number {
  let total = 0
  for (let vehicle = 0; vehicle < plan.cost.length; vehicle++) total += plan.cost[vehicle]!
  return total
}

/** The total weight of the absent stops. */
export function absentWeight(model: Model, plan: Plan): number {
  let total = 0
  for (let index = 0; index < plan.count.absent; index++) total += model.weight[plan.absent[index]!]!
  return total
}

function touch(plan: Plan, vehicle: number): void {
  if (plan.isTouched[vehicle] === 1) return
  plan.isTouched[vehicle] = 1
  plan.touched[plan.count.touched++] = vehicle
}

function copyRoute(model: Model, from: Plan, to: Plan, vehicle: number): void {
  const end = endNode(model, vehicle)
  const isPaidByTime = model.costPerSecond[vehicle]! > 0
  for (let node = startNode(model, vehicle); ; node = from.next[node]!) {
    to.next[node] = from.next[node]!
    to.previous[node] = from.previous[node]!
    to.departure[node] = from.departure[node]!
    to.latestReady[node] = from.latestReady[node]!
    to.legMeters[node] = from.legMeters[node]!
    if (node < model.stopCount) {
      to.vehicle[node] = vehicle
      to.position[node] = from.position[node]!
    }
    if (isPaidByTime) copyNodeTimes(from, to, node)
    if (node === end) break
  }
  for (let d = vehicle * model.dimensions; d < (vehicle + 1) * model.dimensions; d++)
    to.load[d] = from.load[d]!
  to.stopCount[vehicle] = from.stopCount[vehicle]!
  to.durationSeconds[vehicle] = from.durationSeconds[vehicle]!
  to.cost[vehicle] = from.cost[vehicle]!
  to.meters[vehicle] = from.meters[vehicle]!
}

function copyNodeTimes(from: Plan, to: Plan, node: number): void {
  to.prefix.duration[node] = from.prefix.duration[node]!
  to.prefix.early[node] = from.prefix.early[node]!
  to.prefix.late[node] = from.prefix.late[node]!
  to.suffix.duration[node] = from.suffix.duration[node]!
  to.suffix.early[node] = from.suffix.early[node]!
  to.suffix.late[node] = from.suffix.late[node]!
  to.windowOpen[node] = from.windowOpen[node]!
  to.windowClose[node] = from.windowClose[node]!
}

function copySegments(from: SegmentArrays, to: SegmentArrays): void {
  to.duration.set(from.duration)
  to.early.set(from.early)
  to.late.set(from.late)
}
