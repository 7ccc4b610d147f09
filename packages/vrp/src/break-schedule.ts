import { type BreakModel, endNode, FOREVER, firstStart, lastStart, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'
import type { Vehicle } from './problem.ts'

/**
 * Times of routes with breaks. A break interrupts driving or waiting, so a route has many schedules, one for each
 * way to lay the breaks on its legs. Layer `k` of a node stands for those that have taken exactly the first `k`
 * breaks: its earliest departure and its latest readiness decide, as for routes without breaks, in constant time
 * whether a stop fits between two nodes. Exact, because breaks have an order and waiting is allowed.
 */

/** Stands for a layer from which the rest of the route does not work. */
const TOO_LATE = -1

/** Lists the breaks of all vehicles. */
export function compileBreaks(vehicles: readonly Vehicle[], originSeconds: number): BreakModel {
  const lists = vehicles.map((vehicle) => vehicle.breaks ?? [])
  const all = lists.flat()
  const from = new Int32Array(vehicles.length + 1)
  lists.forEach((list, index) => {
    from[index + 1] = from[index]! + list.length
  })
  const windowFrom = new Int32Array(all.length + 1)
  all.forEach((pause, index) => {
    windowFrom[index + 1] = windowFrom[index]! + pause.timeWindows.length
  })
  const toModelTime = (seconds: number) => Math.max(-FOREVER, Math.min(FOREVER - 1, seconds - originSeconds))
  const windows = all.flatMap((pause) => pause.timeWindows)
  return {
    layers: 1 + Math.max(0, ...lists.map((list) => list.length)),
    count: Int32Array.from(lists, (list) => list.length),
    from,
    serviceSeconds: Int32Array.from(all, (pause) => pause.serviceSeconds),
    windowFrom,
    windowOpen: Int32Array.from(windows, ([start]) => toModelTime(start)),
    windowClose: Int32Array.from(windows, ([, end]) => toModelTime(end)),
  }
}

/**
 * From the departures of node `a`, by layer from `offset` on, derives when the vehicle is ready at `b`, by layer.
 * A break is taken as soon as it may start: the vehicle drives until then and goes on driving afterwards.
 */
export function reach(
  model: Model,
  vehicle: number,
  departures: Int32Array,
  offset: number,
  a: number,
  b: number,
  ready: Int32Array,
): void {
  const { breaks } = model
  const count = breaks.count[vehicle]!
  const leg = model.place[a]! * model.placeCount + model.place[b]!
  const travel = model.travel[vehicle]!.out[leg]!
  const extra = model.extraService[vehicle]?.[a] ?? 0
  const setup = model.duration[vehicle]!.out[leg]! - travel - extra
  ready.fill(FOREVER)
  for (let layer = 0; layer <= count; layer++) {
    let clock = departures[offset + layer]! + extra
    if (clock >= FOREVER) continue
    let driving = travel
    ready[layer] = Math.min(ready[layer]!, clock + driving + setup)
    for (let taken = layer; taken < count; taken++) {
      const pause = breaks.from[vehicle]! + taken
      const start = firstBreakStart(breaks, pause, clock)
      if (start === FOREVER) break
      driving = Math.max(0, driving - (start - clock))
      clock = start + breaks.serviceSeconds[pause]!
      ready[taken + 1] = Math.min(ready[taken + 1]!, clock + driving + setup)
    }
  }
}

/** The same backwards: from the latest readiness at `b` the latest departure from `a`. */
function reachBack(
  model: Model,
  vehicle: number,
  latestReady: Int32Array,
  offset: number,
  a: number,
  b: number,
  latestDeparture: Int32Array,
): void {
  const { breaks } = model
  const count = breaks.count[vehicle]!
  const leg = model.place[a]! * model.placeCount + model.place[b]!
  const travel = model.travel[vehicle]!.out[leg]!
  const extra = model.extraService[vehicle]?.[a] ?? 0
  const setup = model.duration[vehicle]!.out[leg]! - travel - extra
  latestDeparture.fill(TOO_LATE)
  for (let layer = count; layer >= 0; layer--) {
    if (latestReady[offset + layer]! < 0) continue
    let limit = latestReady[offset + layer]! - setup
    let driving = travel
    latestDeparture[layer] = Math.max(latestDeparture[layer]!, limit - driving - extra)
    for (let taken = layer - 1; taken >= 0; taken--) {
      const pause = breaks.from[vehicle]! + taken
      const start = lastBreakStart(breaks, pause, limit - breaks.serviceSeconds[pause]!)
      if (start === TOO_LATE) break
      driving = Math.max(0, driving - (limit - start - breaks.serviceSeconds[pause]!))
      limit = start
      latestDeparture[taken] = Math.max(latestDeparture[taken]!, limit - driving - extra)
    }
  }
}

/** Turns readiness at a stop into departures from it, by layer. */
export function serve(model: Model, stop: number, times: Int32Array): void {
  for (let layer = 0; layer < times.length; layer++) {
    const begin = times[layer]! < FOREVER ? firstStart(model, stop, times[layer]!) : FOREVER
    times[layer] = begin < FOREVER ? begin + model.serviceSeconds[stop]! : FOREVER
  }
}

/** Whether ready times, by layer, leave enough time for the route from a node on. */
export function isInTime(model: Model, plan: Plan, ready: Int32Array, node: number): boolean {
  const offset = node * model.breaks.layers
  for (let layer = 0; layer < model.breaks.layers; layer++) {
    if (ready[layer]! <= plan.layerLatest[offset + layer]!) return true
  }
  return false
}

/** Whether a stop fits behind a node in a route with breaks. */
export function fitsWithBreaks(
  model: Model,
  plan: Plan,
  stop: number,
  after: number,
  vehicle: number,
): boolean {
  const [first, second] = plan.layerScratch
  const next = plan.next[after]!
  reach(model, vehicle, plan.layerDeparture, after * model.breaks.layers, after, stop, first)
  serve(model, stop, first)
  reach(model, vehicle, first, 0, stop, next, second)
  return isInTime(model, plan, second, next)
}

/**
 * Derives all layers of a route, and the best of each node as its `departure` and `latestReady`, which are bounds
 * here: necessary for a stop to fit, not sufficient.
 */
export function refreshLayers(model: Model, plan: Plan, vehicle: number): void {
  const { layers } = model.breaks
  const [scratch] = plan.layerScratch
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  plan.layerDeparture.fill(FOREVER, start * layers, (start + 1) * layers)
  plan.layerDeparture[start * layers] = model.shiftStart[vehicle]!
  plan.departure[start] = model.shiftStart[vehicle]!
  for (let node = start; node !== end; ) {
    const next = plan.next[node]!
    reach(model, vehicle, plan.layerDeparture, node * layers, node, next, scratch)
    if (next !== end) serve(model, next, scratch)
    plan.layerDeparture.set(scratch, next * layers)
    // The end of a route counts once all breaks are taken.
    plan.departure[next] = next === end ? scratch[model.breaks.count[vehicle]!]! : Math.min(...scratch)
    node = next
  }
  latestStart(model, plan, vehicle, model.shiftEnd[vehicle]!, true)
}

/**
 * The latest departure from the start that ends the route by `endSeconds`; below 0 if there is none. With `keeps`,
 * stores the layers on the way as the latest readiness of each node.
 */
export function latestStart(
  model: Model,
  plan: Plan,
  vehicle: number,
  endSeconds: number,
  keeps = false,
): number {
  const { layers } = model.breaks
  const [scratch, limits] = plan.layerScratch
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  limits.fill(TOO_LATE)
  limits[model.breaks.count[vehicle]!] = endSeconds
  for (let node = end; ; node = plan.previous[node]!) {
    if (keeps) {
      plan.layerLatest.set(limits, node * layers)
      plan.latestReady[node] = Math.max(...limits)
    }
    const before = plan.previous[node]!
    reachBack(model, vehicle, limits, 0, before, node, scratch)
    if (before === start) return scratch[0]!
    readyBy(model, before, scratch)
    limits.set(scratch)
  }
}

/** The duration of a route of these nodes, ends included, that ends as early and leaves as late as it can. */
export function durationAlone(model: Model, vehicle: number, chain: readonly number[]): number {
  const { layers, count } = model.breaks
  const times = new Int32Array(layers).fill(FOREVER)
  const scratch = new Int32Array(layers)
  times[0] = model.shiftStart[vehicle]!
  for (let index = 1; index < chain.length; index++) {
    reach(model, vehicle, times, 0, chain[index - 1]!, chain[index]!, scratch)
    if (index < chain.length - 1) serve(model, chain[index]!, scratch)
    times.set(scratch)
  }
  const end = times[count[vehicle]!]!
  times.fill(TOO_LATE)
  times[count[vehicle]!] = end
  for (let index = chain.length - 1; index > 0; index--) {
    reachBack(model, vehicle, times, 0, chain[index - 1]!, chain[index]!, scratch)
    if (index > 1) readyBy(model, chain[index - 1]!, scratch)
    times.set(scratch)
  }
  return end - (times[0] ?? 0)
}

/** Turns the latest departures from a stop into the latest readiness there, by layer. */
function readyBy(model: Model, stop: number, times: Int32Array): void {
  for (let layer = 0; layer < times.length; layer++) {
    const limit = times[layer]! - model.serviceSeconds[stop]!
    times[layer] = limit < 0 ? TOO_LATE : lastStart(model, stop, limit)
  }
}

/** The first moment from `readySeconds` on at which a break may start; FOREVER if there is none. */
export function firstBreakStart(breaks: BreakModel, pause: number, readySeconds: number): number {
  for (let window = breaks.windowFrom[pause]!; window < breaks.windowFrom[pause + 1]!; window++) {
    if (readySeconds <= breaks.windowClose[window]!) return Math.max(readySeconds, breaks.windowOpen[window]!)
  }
  return FOREVER
}

function lastBreakStart(breaks: BreakModel, pause: number, limitSeconds: number): number {
  for (let window = breaks.windowFrom[pause + 1]! - 1; window >= breaks.windowFrom[pause]!; window--) {
    if (limitSeconds >= breaks.windowOpen[window]!) return Math.min(limitSeconds, breaks.windowClose[window]!)
  }
  return TOO_LATE
}
