import { copyBreaks } from './break-schedule.ts'
import { endNode, FOREVER, type Model, startNode } from './model.ts'

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
  /** By node, then by layer, for vehicles with breaks, see `break-schedule.ts`. */
  readonly layerDeparture: Int32Array
  readonly layerLatest: Int32Array
  readonly layerScratch: readonly [layers: Int32Array, layers: Int32Array, nodesAndLayers: Int32Array]
  /** By node, for vehicles with breaks paid by time: those on the leg to it as one, see `break-duration.ts`. */
  readonly pauseOpen: Int32Array
  readonly pauseClose: Int32Array
  readonly pauseSeconds: Int32Array
  /** By vehicle, then by dimension: on board at the start. */
  readonly load: Float64Array
  /** By node, then by dimension, where loads rise and fall: after it, the most up to it, the most from it on. */
  readonly loadAfter: Float64Array
  readonly peakBefore: Float64Array
  readonly peakAfter: Float64Array
  readonly stopCount: Int32Array
  readonly meters: Float64Array
  readonly travelSeconds: Float64Array
  readonly durationSeconds: Int32Array
  /** What the search minimises: money and the price of changes. */
  readonly cost: Float64Array
  /** The part of `cost` that pays for changing announcements. */
  readonly changeCost: Float64Array
  /** A shipment is listed by its pickup alone. */
  readonly absent: Int32Array
  /** The vehicles whose routes differ from the plan last synchronised with. */
  readonly touched: Int32Array
  readonly isTouched: Uint8Array
  /** `elsewhere` counts the stops that other threads plan. */
  readonly count: { absent: number; touched: number; elsewhere: number }
}

/** Segments by node: least duration, and the earliest and latest start that achieve it. */
export interface SegmentArrays {
  readonly duration: Int32Array
  readonly early: Int32Array
  readonly late: Int32Array
}

export const ABSENT = -1

/** The stop count of a vehicle that another thread plans. Its stops are `ABSENT`, but not in the list. */
const ELSEWHERE = -1

/** A plan in which each vehicle goes from start to end and every stop is absent. Not refreshed yet. */
export function createPlan(model: Model): Plan {
  const { stopCount, vehicleCount, nodeCount, dimensions } = model
  const byNode = () => new Int32Array(nodeCount)
  const { layers } = model.breaks
  const profileSize = model.hasLoadProfile ? nodeCount * dimensions : 0
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
    layerDeparture: new Int32Array(nodeCount * layers),
    layerLatest: new Int32Array(nodeCount * layers),
    layerScratch: [new Int32Array(layers), new Int32Array(layers), new Int32Array(nodeCount * layers)],
    pauseOpen: byNode(),
    pauseClose: byNode(),
    pauseSeconds: byNode(),
    load: new Float64Array(vehicleCount * dimensions),
    loadAfter: new Float64Array(profileSize),
    peakBefore: new Float64Array(profileSize),
    peakAfter: new Float64Array(profileSize),
    stopCount: new Int32Array(vehicleCount),
    meters: new Float64Array(vehicleCount),
    travelSeconds: new Float64Array(vehicleCount),
    durationSeconds: new Int32Array(vehicleCount),
    cost: new Float64Array(vehicleCount),
    changeCost: new Float64Array(vehicleCount),
    absent: new Int32Array(stopCount),
    touched: new Int32Array(vehicleCount),
    isTouched: new Uint8Array(vehicleCount),
    count: { absent: 0, touched: 0, elsewhere: 0 },
  }
  for (let vehicle = 0; vehicle < vehicleCount; vehicle++) {
    plan.next[startNode(model, vehicle)] = endNode(model, vehicle)
    plan.previous[endNode(model, vehicle)] = startNode(model, vehicle)
  }
  if (model.shortcuts.isUntimed) plan.latestReady.fill(FOREVER)
  return plan
}

/** Copies everything but scratch, touched marks included. */
export function copyPlan(from: Plan, to: Plan): void {
  for (const name of Object.keys(from) as (keyof Plan)[]) {
    const source = from[name]
    const target = to[name]
    if (Array.isArray(source)) continue
    if (ArrayBuffer.isView(source)) (target as Int32Array).set(source)
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

/** Takes a stop, or the shipment that it is part of, out of its route. The route must be refreshed afterwards. */
export function unlinkStop(model: Model, plan: Plan, stop: number): void {
  const partner = model.partner[stop]!
  unlink(plan, stop)
  if (partner >= 0) unlink(plan, partner)
  plan.absent[plan.count.absent++] = model.isDelivery[stop] === 1 ? partner : stop
}

function unlink(plan: Plan, stop: number): void {
  const next = plan.next[stop]!
  const previous = plan.previous[stop]!
  plan.next[previous] = next
  plan.previous[next] = previous
  touch(plan, plan.vehicle[stop]!)
  plan.vehicle[stop] = ABSENT
}

/** Takes a route out of the plan, because another thread plans it: neither its stops nor its vehicle can be used. */
export function clearElsewhere(model: Model, plan: Plan, vehicle: number): void {
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  for (let node = plan.next[start]!; node !== end; node = plan.next[node]!) plan.vehicle[node] = ABSENT
  plan.next[start] = end
  plan.previous[end] = start
  plan.count.elsewhere += plan.stopCount[vehicle]!
  plan.stopCount[vehicle] = ELSEWHERE
  plan.cost[vehicle] = 0
  plan.changeCost[vehicle] = 0
}

/** Makes the stops from `head` on follow `stop`, and what followed it follow the stop before `head`. */
export function relinkTails(
  model: Model,
  plan: Plan,
  stop: number,
  head: number,
  vehicle: number,
  other: number,
): void {
  const before = plan.previous[head]!
  const follower = plan.next[stop]!
  moveTail(model, plan, head, stop, vehicle)
  moveTail(model, plan, follower, before, other)
  touch(plan, vehicle)
  touch(plan, other)
}

/** Hangs a tail, which may be no more than the end of its old route, behind a node of another route. */
function moveTail(model: Model, plan: Plan, head: number, after: number, vehicle: number): void {
  let last = after
  for (let node = head; node < model.stopCount; node = plan.next[node]!) {
    plan.next[last] = node
    plan.previous[node] = last
    plan.vehicle[node] = vehicle
    last = node
  }
  const end = endNode(model, vehicle)
  plan.next[last] = end
  plan.previous[end] = last
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
    const partner = model.partner[stop]!
    if (partner >= 0) to.vehicle[partner] = ABSENT
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

/** Marks a route that differs from the plan last synchronised with. */
export function touch(plan: Plan, vehicle: number): void {
  if (plan.isTouched[vehicle] === 1) return
  plan.isTouched[vehicle] = 1
  plan.touched[plan.count.touched++] = vehicle
}

function copyRoute(model: Model, from: Plan, to: Plan, vehicle: number): void {
  const end = endNode(model, vehicle)
  const isPaidByTime = model.costPerSecond[vehicle]! > 0
  const hasBreaks = model.breaks.count[vehicle]! > 0
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
    if (hasBreaks) copyBreaks(from, to, node, model.breaks.layers)
    if (model.hasLoadProfile) copySlots(model.dimensions, node, PROFILE_ARRAYS, from, to)
    if (node === end) break
  }
  copySlots(model.dimensions, vehicle, LOAD_ARRAYS, from, to)
  to.stopCount[vehicle] = from.stopCount[vehicle]!
  to.travelSeconds[vehicle] = from.travelSeconds[vehicle]!
  to.durationSeconds[vehicle] = from.durationSeconds[vehicle]!
  to.cost[vehicle] = from.cost[vehicle]!
  to.changeCost[vehicle] = from.changeCost[vehicle]!
  to.meters[vehicle] = from.meters[vehicle]!
}

const LOAD_ARRAYS = ['load'] as const
const PROFILE_ARRAYS = ['loadAfter', 'peakBefore', 'peakAfter'] as const

/** Copies the `width` entries that some arrays hold for one node or vehicle. */
function copySlots(
  width: number,
  index: number,
  names: typeof LOAD_ARRAYS | typeof PROFILE_ARRAYS,
  from: Plan,
  to: Plan,
): void {
  for (const name of names) {
    for (let slot = index * width; slot < (index + 1) * width; slot++) to[name][slot] = from[name][slot]!
  }
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
