import { reach, serve } from './break-schedule.ts'
import { endNode, FOREVER, firstStart, type Model, startNode } from './model.ts'

/** Raises a vehicle's limits to what its locked stops need, so that the locked route itself is feasible. */
export function relaxForLockedStops(model: Model, vehicle: number): void {
  const locked = model.lockedStops[vehicle]!
  if (locked.length === 0) return
  const chain = [startNode(model, vehicle), ...locked, endNode(model, vehicle)]
  model.shiftEnd[vehicle] = Math.max(model.shiftEnd[vehicle]!, endOf(model, vehicle, chain))
  model.maxStops[vehicle] = Math.max(model.maxStops[vehicle]!, locked.length)
  const legs = chain.slice(1).map((node, index) => {
    return model.place[chain[index]!]! * model.placeCount + model.place[node]!
  })
  const meters = legs.reduce((sum, leg) => sum + model.distance.out[leg]!, 0)
  const travel = legs.reduce((sum, leg) => sum + model.travel[vehicle]!.out[leg]!, 0)
  model.maxMeters[vehicle] = Math.max(model.maxMeters[vehicle]!, meters)
  model.maxTravelSeconds[vehicle] = Math.max(model.maxTravelSeconds[vehicle]!, travel)
  for (let d = 0; d < model.dimensions; d++) {
    const limit = vehicle * model.dimensions + d
    model.capacity[limit] = Math.max(model.capacity[limit]!, peakLoad(model, locked, d))
  }
}

/** When the locked route ends. Where its breaks do not fit, they may be late. */
function endOf(model: Model, vehicle: number, chain: readonly number[]): number {
  const { count, from, windowFrom, windowClose } = model.breaks
  if (count[vehicle] === 0) return endWithoutBreaks(model, vehicle, chain)
  const end = endWithBreaks(model, vehicle, chain)
  if (end < FOREVER) return end
  for (let pause = from[vehicle]!; pause < from[vehicle + 1]!; pause++) {
    windowClose[windowFrom[pause + 1]! - 1] = FOREVER - 1
  }
  return endWithBreaks(model, vehicle, chain)
}

function endWithoutBreaks(model: Model, vehicle: number, chain: readonly number[]): number {
  const { out } = model.duration[vehicle]!
  let clock = model.shiftStart[vehicle]!
  chain.slice(1).forEach((node, index) => {
    clock += out[model.place[chain[index]!]! * model.placeCount + model.place[node]!]!
    if (node < model.stopCount) clock = firstStart(model, node, clock) + model.serviceSeconds[node]!
  })
  return clock
}

function endWithBreaks(model: Model, vehicle: number, chain: readonly number[]): number {
  const times = new Int32Array(model.breaks.layers).fill(FOREVER)
  const ready = new Int32Array(model.breaks.layers)
  times[0] = model.shiftStart[vehicle]!
  chain.slice(1).forEach((node, index) => {
    reach(model, vehicle, times, 0, chain[index]!, node, ready)
    if (node < model.stopCount) serve(model, node, ready)
    times.set(ready)
  })
  return times[model.breaks.count[vehicle]!]!
}

function peakLoad(model: Model, stops: readonly number[], d: number): number {
  let load = stops.reduce((sum, stop) => sum + model.demand[stop * model.dimensions + d]!, 0)
  let peak = load
  for (const stop of stops) {
    load += model.loadChange[stop * model.dimensions + d]!
    peak = Math.max(peak, load)
  }
  return peak
}
