import { type BreakModel, endNode, FOREVER, firstStart, lastStart, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'

/**
 * Times of routes with breaks. A break interrupts driving or waiting, so a route has many schedules, one for each
 * way to lay the breaks on its legs. Layer `k` of a node stands for those that have taken exactly the first `k`
 * breaks: its earliest departure and its latest readiness decide, as for routes without breaks, in constant time
 * whether a stop fits between two nodes. Exact, because breaks have an order and waiting is allowed.
 */

/** Stands for a layer from which the rest of the route does not work. */
const TOO_LATE = -1

/**
 * From the departures of node `a`, by layer from `offset` on, derives when the vehicle is ready at `b`, by layer from
 * `readyOffset` on. A break is taken as soon as it may start: the vehicle drives until then and goes on afterwards.
 */
export function reach(
  model: Model,
  vehicle: number,
  departures: Int32Array,
  offset: number,
  a: number,
  b: number,
  ready: Int32Array,
  readyOffset = 0,
): void {
  const { breaks } = model
  const count = breaks.count[vehicle]!
  const leg = model.place[a]! * model.placeCount + model.place[b]!
  const travel = model.travel[vehicle]!.out[leg]!
  const extra = model.extraService[vehicle]?.[a] ?? 0
  const setup = model.duration[vehicle]!.out[leg]! - travel - extra
  // A fill of so few numbers takes longer than this.
  for (let layer = 0; layer < breaks.layers; layer++) ready[readyOffset + layer] = FOREVER
  for (let layer = 0; layer <= count; layer++) {
    let clock = departures[offset + layer]! + extra
    if (clock >= FOREVER) continue
    let driving = travel
    if (clock + driving + setup < ready[readyOffset + layer]!)
      ready[readyOffset + layer] = clock + driving + setup
    for (let taken = layer; taken < count; taken++) {
      const pause = breaks.from[vehicle]! + taken
      const start = firstBreakStart(breaks, pause, clock)
      if (start === FOREVER) break
      driving = Math.max(0, driving - (start - clock))
      clock = start + breaks.serviceSeconds[pause]!
      const slot = readyOffset + taken + 1
      if (clock + driving + setup < ready[slot]!) ready[slot] = clock + driving + setup
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
  latest: Int32Array,
  latestOffset: number,
): void {
  const { breaks } = model
  const count = breaks.count[vehicle]!
  const leg = model.place[a]! * model.placeCount + model.place[b]!
  const travel = model.travel[vehicle]!.out[leg]!
  const extra = model.extraService[vehicle]?.[a] ?? 0
  const setup = model.duration[vehicle]!.out[leg]! - travel - extra
  for (let layer = 0; layer < breaks.layers; layer++) latest[latestOffset + layer] = TOO_LATE
  for (let layer = count; layer >= 0; layer--) {
    if (latestReady[offset + layer]! < 0) continue
    let limit = latestReady[offset + layer]! - setup
    let driving = travel
    if (limit - driving - extra > latest[latestOffset + layer]!)
      latest[latestOffset + layer] = limit - driving - extra
    for (let taken = layer - 1; taken >= 0; taken--) {
      const pause = breaks.from[vehicle]! + taken
      const start = lastBreakStart(breaks, pause, limit - breaks.serviceSeconds[pause]!)
      if (start === TOO_LATE) break
      driving = Math.max(0, driving - (limit - start - breaks.serviceSeconds[pause]!))
      limit = start
      const slot = latestOffset + taken
      if (limit - driving - extra > latest[slot]!) latest[slot] = limit - driving - extra
    }
  }
}

/** Turns readiness at a stop into departures from it, by layer from `offset` on. */
export function serve(model: Model, stop: number, times: Int32Array, offset = 0): void {
  for (let slot = offset; slot < offset + model.breaks.layers; slot++) {
    const begin = times[slot]! < FOREVER ? firstStart(model, stop, times[slot]!) : FOREVER
    times[slot] = begin < FOREVER ? begin + model.serviceSeconds[stop]! : FOREVER
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

/** Whether a route can go on from a node to another of a vehicle with the same breaks and times. */
export function canReach(model: Model, plan: Plan, node: number, next: number, vehicle: number): boolean {
  const [scratch] = plan.layerScratch
  reach(model, vehicle, plan.layerDeparture, node * model.breaks.layers, node, next, scratch)
  return isInTime(model, plan, scratch, next)
}

/**
 * Derives all layers of a route, and the best of each node as its `departure` and `latestReady`, which are bounds
 * here: necessary for a stop to fit, not sufficient.
 */
export function refreshLayers(model: Model, plan: Plan, vehicle: number): void {
  const { layers } = model.breaks
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  for (let layer = 0; layer < layers; layer++) plan.layerDeparture[start * layers + layer] = FOREVER
  plan.layerDeparture[start * layers] = model.shiftStart[vehicle]!
  plan.departure[start] = model.shiftStart[vehicle]!
  for (let node = start; node !== end; node = plan.next[node]!) {
    depart(model, plan, vehicle, node, plan.next[node]!)
  }
  latestStart(model, plan, vehicle, model.shiftEnd[vehicle]!, plan.layerLatest)
  for (let node = end; node !== start; node = plan.previous[node]!) summarise(plan, node, layers)
}

/** Brings the layers of a refreshed route up to date after `linkStop`; they are followed only as far as they change. */
export function updateLayers(model: Model, plan: Plan, stop: number, vehicle: number): void {
  const { layers } = model.breaks
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  const before = plan.layerScratch[0]
  for (let node = plan.previous[stop]!; node !== end; node = plan.next[node]!) {
    const next = plan.next[node]!
    for (let layer = 0; layer < layers; layer++) before[layer] = plan.layerDeparture[next * layers + layer]!
    depart(model, plan, vehicle, node, next)
    if (next !== stop && isSame(plan.layerDeparture, next * layers, before, layers)) break
  }
  for (let node = plan.next[stop]!; ; node = plan.previous[node]!) {
    const previous = plan.previous[node]!
    if (previous === start) return
    for (let layer = 0; layer < layers; layer++) before[layer] = plan.layerLatest[previous * layers + layer]!
    stepBack(model, vehicle, plan.layerLatest, previous, node)
    summarise(plan, previous, layers)
    if (previous !== stop && isSame(plan.layerLatest, previous * layers, before, layers)) return
  }
}

function isSame(times: Int32Array, offset: number, others: Int32Array, layers: number): boolean {
  for (let layer = 0; layer < layers; layer++) if (times[offset + layer] !== others[layer]) return false
  return true
}

/** Derives the departures from `next` from those from the node before it. */
function depart(model: Model, plan: Plan, vehicle: number, node: number, next: number): void {
  const { layers, count } = model.breaks
  const departures = plan.layerDeparture
  const offset = next * layers
  reach(model, vehicle, departures, node * layers, node, next, departures, offset)
  if (next >= model.stopCount) {
    // The end of a route counts once all breaks are taken.
    plan.departure[next] = departures[offset + count[vehicle]!]!
    return
  }
  serve(model, next, departures, offset)
  let earliest = FOREVER
  for (let slot = offset; slot < offset + layers; slot++) earliest = Math.min(earliest, departures[slot]!)
  plan.departure[next] = earliest
}

function summarise(plan: Plan, node: number, layers: number): void {
  let latest = TOO_LATE
  for (let slot = node * layers; slot < (node + 1) * layers; slot++)
    latest = Math.max(latest, plan.layerLatest[slot]!)
  plan.latestReady[node] = latest
}

/**
 * The latest departure from the start that ends the route by `endSeconds`; below 0 if there is none. Stores the latest
 * readiness of each node behind the start on the way, by node and layer, in `limits`.
 */
export function latestStart(
  model: Model,
  plan: Plan,
  vehicle: number,
  endSeconds: number,
  limits: Int32Array = plan.layerScratch[2],
): number {
  const { layers, count } = model.breaks
  const [scratch] = plan.layerScratch
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  for (let slot = end * layers; slot < (end + 1) * layers; slot++) limits[slot] = TOO_LATE
  limits[end * layers + count[vehicle]!] = endSeconds
  let node = end
  for (let before = plan.previous[node]!; before !== start; before = plan.previous[node]!) {
    stepBack(model, vehicle, limits, before, node)
    node = before
  }
  reachBack(model, vehicle, limits, node * layers, start, node, scratch, 0)
  return scratch[0]!
}

/** Derives the latest readiness at a stop from that at the node behind it. */
function stepBack(model: Model, vehicle: number, limits: Int32Array, stop: number, node: number): void {
  const { layers } = model.breaks
  reachBack(model, vehicle, limits, node * layers, stop, node, limits, stop * layers)
  readyBy(model, stop, limits, stop * layers)
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
    reachBack(model, vehicle, times, 0, chain[index - 1]!, chain[index]!, scratch, 0)
    if (index > 1) readyBy(model, chain[index - 1]!, scratch, 0)
    times.set(scratch)
  }
  return end - (times[0] ?? 0)
}

/** Turns the latest departures from a stop into the latest readiness there, by layer from `offset` on. */
function readyBy(model: Model, stop: number, times: Int32Array, offset: number): void {
  for (let slot = offset; slot < offset + model.breaks.layers; slot++) {
    const limit = times[slot]! - model.serviceSeconds[stop]!
    times[slot] = limit < 0 ? TOO_LATE : lastStart(model, stop, limit)
  }
}

/** The first moment from `readySeconds` on at which a break may start; FOREVER if there is none. */
export function firstBreakStart(breaks: BreakModel, pause: number, readySeconds: number): number {
  for (let window = breaks.windowFrom[pause]!; window < breaks.windowFrom[pause + 1]!; window++) {
    if (readySeconds <= breaks.windowClose[window]!) return Math.max(readySeconds, breaks.windowOpen[window]!)
  }
  return FOREVER
}

/** The window in which a break starts that the vehicle is ready for; its last one if it comes too late. */
export function firstBreakWindow(breaks: BreakModel, pause: number, readySeconds: number): number {
  let window = breaks.windowFrom[pause]!
  while (window < breaks.windowFrom[pause + 1]! - 1 && readySeconds > breaks.windowClose[window]!) window++
  return window
}

function lastBreakStart(breaks: BreakModel, pause: number, limitSeconds: number): number {
  for (let window = breaks.windowFrom[pause + 1]! - 1; window >= breaks.windowFrom[pause]!; window--) {
    if (limitSeconds >= breaks.windowOpen[window]!) return Math.min(limitSeconds, breaks.windowClose[window]!)
  }
  return TOO_LATE
}

/** Copies what is known of the breaks of a route at one node. */
export function copyBreaks(from: Plan, to: Plan, node: number, layers: number): void {
  for (let slot = node * layers; slot < (node + 1) * layers; slot++) {
    to.layerDeparture[slot] = from.layerDeparture[slot]!
    to.layerLatest[slot] = from.layerLatest[slot]!
  }
  to.pauseOpen[node] = from.pauseOpen[node]!
  to.pauseClose[node] = from.pauseClose[node]!
  to.pauseSeconds[node] = from.pauseSeconds[node]!
}
