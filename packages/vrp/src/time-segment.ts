import { durationWithBreaks } from './break-duration.ts'
import { endNode, firstStart, lastStart, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'

/**
 * Durations of routes, for vehicles that are paid by time.
 *
 * A segment is a part of a route with its least duration and the earliest and latest start that achieve it;
 * two segments join in constant time (Vidal et al., "A hybrid genetic algorithm with adaptive diversity
 * management for a large class of vehicle routing problems with time-windows", 2013). That needs
 * one window for each stop: the one in which the current schedule serves it.
 */
export function refreshDuration(model: Model, plan: Plan, vehicle: number): number {
  chooseWindows(model, plan, vehicle)
  refreshPrefixes(model, plan, vehicle)
  refreshSuffixes(model, plan, vehicle)
  if (plan.stopCount[vehicle] === 0) return 0
  return plan.suffix.duration[startNode(model, vehicle)]!
}

/** The latest departure from the start that still ends the route as early as possible. */
export function latestDeparture(model: Model, plan: Plan, vehicle: number): number {
  const { place, placeCount, serviceSeconds } = model
  const secondsInto = model.duration[vehicle]!.into
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  let limit = plan.departure[end]!
  let row = place[end]! * placeCount
  for (let node = plan.previous[end]!; node !== start; node = plan.previous[node]!) {
    limit = lastStart(model, node, limit - secondsInto[row + place[node]!]! - serviceSeconds[node]!)
    row = place[node]! * placeCount
  }
  return limit - secondsInto[row + place[start]!]!
}

/**
 * The duration of the route with a stop put in behind `after`. Exact when no later stop moves to another of
 * its windows; otherwise, and on a route with
 * breaks, an estimate, which `refreshRoute` corrects once the stop is in.
 */
export function durationWith(model: Model, plan: Plan, stop: number, after: number, vehicle: number): number {
  if (model.breaks.count[vehicle]! > 0) return durationWithBreaks(model, plan, stop, after, vehicle)
  const { place, placeCount } = model
  const { prefix, suffix } = plan
  const legs = model.duration[vehicle]!
  const next = plan.next[after]!
  const row = place[stop]! * placeCount
  const ready = plan.departure[after]! + legs.into[row + place[after]!]!
  let window = model.windowFrom[stop]!
  while (model.windowClose[window]! < ready) window++
  const open = model.windowOpen[window]!
  const toStop = prefix.duration[after]! + legs.into[row + place[after]!]!
  const waitAtStop = Math.max(0, open - toStop - prefix.late[after]!)
  const late = Math.min(model.windowClose[window]! - toStop, prefix.late[after]!)
  const toNext = toStop + waitAtStop + model.serviceSeconds[stop]! + legs.out[row + place[next]!]!
  return toNext + Math.max(0, suffix.early[next]! - toNext - late) + suffix.duration[next]!
}

function chooseWindows(model: Model, plan: Plan, vehicle: number): void {
  const { place, placeCount, windowFrom } = model
  const seconds = model.duration[vehicle]!.out
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  let clock = model.hasSeveralWindows ? latestDeparture(model, plan, vehicle) : 0
  let row = place[start]! * placeCount
  for (let node = plan.next[start]!; node !== end; node = plan.next[node]!) {
    let window = windowFrom[node]!
    if (windowFrom[node + 1]! - window > 1 || model.hasSeveralWindows) {
      const begin = firstStart(model, node, clock + seconds[row + place[node]!]!)
      while (model.windowClose[window]! < begin) window++
      clock = begin + model.serviceSeconds[node]!
      row = place[node]! * placeCount
    }
    plan.windowOpen[node] = model.windowOpen[window]!
    plan.windowClose[node] = model.windowClose[window]!
  }
  for (const node of [start, end]) {
    plan.windowOpen[node] = model.shiftStart[vehicle]!
    plan.windowClose[node] = model.shiftEnd[vehicle]!
  }
}

function refreshPrefixes(model: Model, plan: Plan, vehicle: number): void {
  const { place, placeCount, serviceSeconds } = model
  const { prefix, windowOpen, windowClose } = plan
  const seconds = model.duration[vehicle]!.out
  let before = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  prefix.duration[before] = 0
  prefix.early[before] = windowOpen[before]!
  prefix.late[before] = windowClose[before]!
  while (before !== end) {
    const node = plan.next[before]!
    const elapsed = prefix.duration[before]! + seconds[place[before]! * placeCount + place[node]!]!
    const wait = Math.max(0, windowOpen[node]! - elapsed - prefix.late[before]!)
    prefix.duration[node] = elapsed + wait + serviceSeconds[node]!
    prefix.early[node] = Math.max(windowOpen[node]! - elapsed, prefix.early[before]!) - wait
    prefix.late[node] = Math.min(windowClose[node]! - elapsed, prefix.late[before]!)
    before = node
  }
}

function refreshSuffixes(model: Model, plan: Plan, vehicle: number): void {
  const { place, placeCount, serviceSeconds } = model
  const { suffix, windowOpen, windowClose } = plan
  const seconds = model.duration[vehicle]!.out
  let after = endNode(model, vehicle)
  const start = startNode(model, vehicle)
  suffix.duration[after] = 0
  suffix.early[after] = windowOpen[after]!
  suffix.late[after] = windowClose[after]!
  while (after !== start) {
    const node = plan.previous[after]!
    const elapsed = serviceSeconds[node]! + seconds[place[node]! * placeCount + place[after]!]!
    const wait = Math.max(0, suffix.early[after]! - elapsed - windowClose[node]!)
    suffix.duration[node] = elapsed + wait + suffix.duration[after]!
    suffix.early[node] = Math.max(suffix.early[after]! - elapsed, windowOpen[node]!) - wait
    suffix.late[node] = Math.min(suffix.late[after]! - elapsed, windowClose[node]!)
    after = node
  }
}
