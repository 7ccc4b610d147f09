import { durationAlone, firstBreakWindow, latestStart } from './break-schedule.ts'
import { endNode, FOREVER, type Model, startNode } from './model.ts'
import type { Plan } from './plan.ts'

/**
 * Durations of routes with breaks, for vehicles that are paid by time.
 *
 * Once it is settled on which leg each break is taken, a leg with breaks takes as long as a leg with one more stop
 * between driving and setup: served for as long as the breaks, not before the last of them could begin if nothing but
 * breaks came between, and in time if the leg begins while they may. So the segments of `time-segment.ts` join here as
 * well, and pricing a position takes constant time. The breaks are laid as in the schedule that ends first and leaves
 * last, so the duration of a route is exact, and that with one stop more an estimate. The close of a pause is when its leg
 * must have begun; FOREVER where there is none.
 */
export function refreshBreakDuration(model: Model, plan: Plan, vehicle: number): number {
  if (plan.stopCount[vehicle] === 0) return 0
  const end = plan.departure[endNode(model, vehicle)]!
  if (end > model.shiftEnd[vehicle]!) return 0
  const start = latestStart(model, plan, vehicle, end)
  layBreaks(model, plan, vehicle, start)
  joinForward(model, plan, vehicle)
  joinBackward(model, plan, vehicle)
  return end - start
}

/** Follows the schedule that leaves at `startSeconds`; each break is put off for as long as `latestStart` allows. */
function layBreaks(model: Model, plan: Plan, vehicle: number, startSeconds: number): void {
  const { breaks, windowFrom } = model
  const limits = plan.layerScratch[2]
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  let clock = startSeconds
  let taken = 0
  for (let node = start; node !== end; node = plan.next[node]!) {
    const next = plan.next[node]!
    const leg = model.place[node]! * model.placeCount + model.place[next]!
    const extra = model.extraService[vehicle]?.[node] ?? 0
    const travel = model.travel[vehicle]!.out[leg]!
    const setup = model.duration[vehicle]!.out[leg]! - travel - extra
    let driving = travel
    clock += extra
    let seconds = 0
    let open = -FOREVER
    let close = FOREVER
    while (
      clock + driving + setup > limits[next * breaks.layers + taken]! &&
      taken < breaks.count[vehicle]!
    ) {
      const pause = breaks.from[vehicle]! + taken++
      const window = firstBreakWindow(breaks, pause, clock)
      const begin = Math.max(clock, breaks.windowOpen[window]!)
      open = Math.max(open, breaks.windowOpen[window]! - seconds)
      close = Math.min(close, breaks.windowClose[window]! - seconds)
      driving = Math.max(0, driving - (begin - clock))
      clock = begin + breaks.serviceSeconds[pause]!
      seconds += breaks.serviceSeconds[pause]!
    }
    // Between two breaks the vehicle may have to wait, however late it leaves.
    const idle = Math.max(0, open - close - travel)
    plan.pauseOpen[next] = open - idle
    plan.pauseClose[next] = close
    plan.pauseSeconds[next] = seconds + idle
    clock += driving + setup
    if (next === end) break
    let window = windowFrom[next]!
    while (window < windowFrom[next + 1]! - 1 && model.windowClose[window]! < clock) window++
    plan.windowOpen[next] = model.windowOpen[window]!
    plan.windowClose[next] = model.windowClose[window]!
    clock = Math.max(clock, model.windowOpen[window]!) + model.serviceSeconds[next]!
  }
  for (const node of [start, end]) {
    plan.windowOpen[node] = model.shiftStart[vehicle]!
    plan.windowClose[node] = model.shiftEnd[vehicle]!
  }
}

function joinForward(model: Model, plan: Plan, vehicle: number): void {
  const { prefix, pauseSeconds, windowOpen, windowClose } = plan
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  const { out } = model.duration[vehicle]!
  let elapsed = 0
  let early = windowOpen[start]!
  let late = windowClose[start]!
  prefix.duration[start] = elapsed
  prefix.early[start] = early
  prefix.late[start] = late
  for (let before = start; before !== end; before = plan.next[before]!) {
    const node = plan.next[before]!
    const leg = model.place[before]! * model.placeCount + model.place[node]!
    if (plan.pauseClose[node]! < FOREVER) {
      const setup = setupOf(model, vehicle, before, leg)
      const started = elapsed + (model.extraService[vehicle]?.[before] ?? 0)
      elapsed += out[leg]! - setup
      const wait = Math.max(0, plan.pauseOpen[node]! - elapsed - late)
      early = Math.max(plan.pauseOpen[node]! - elapsed, early) - wait
      late = Math.min(plan.pauseClose[node]! - started, late)
      elapsed += wait + pauseSeconds[node]! + setup
    } else elapsed += out[leg]!
    const wait = Math.max(0, windowOpen[node]! - elapsed - late)
    early = Math.max(windowOpen[node]! - elapsed, early) - wait
    late = Math.min(windowClose[node]! - elapsed, late)
    elapsed += wait + model.serviceSeconds[node]!
    prefix.duration[node] = elapsed
    prefix.early[node] = early
    prefix.late[node] = late
  }
}

function joinBackward(model: Model, plan: Plan, vehicle: number): void {
  const { suffix, pauseSeconds, windowOpen, windowClose } = plan
  const start = startNode(model, vehicle)
  const end = endNode(model, vehicle)
  const { out } = model.duration[vehicle]!
  let duration = 0
  let early = windowOpen[end]!
  let late = windowClose[end]!
  suffix.duration[end] = duration
  suffix.early[end] = early
  suffix.late[end] = late
  for (let after = end; after !== start; after = plan.previous[after]!) {
    const node = plan.previous[after]!
    const leg = model.place[node]! * model.placeCount + model.place[after]!
    let elapsed = model.serviceSeconds[node]! + out[leg]!
    if (plan.pauseClose[after]! < FOREVER) {
      const setup = setupOf(model, vehicle, node, leg)
      const paused = pauseSeconds[after]! + setup
      const close = plan.pauseClose[after]! + model.travel[vehicle]!.out[leg]!
      const wait = Math.max(0, early - paused - close)
      duration += paused + wait
      early = Math.max(early - paused, plan.pauseOpen[after]!) - wait
      late = Math.min(late - paused, close)
      elapsed -= setup
    }
    const wait = Math.max(0, early - elapsed - windowClose[node]!)
    duration += elapsed + wait
    early = Math.max(early - elapsed, windowOpen[node]!) - wait
    late = Math.min(late - elapsed, windowClose[node]!)
    suffix.duration[node] = duration
    suffix.early[node] = early
    suffix.late[node] = late
  }
}

function setupOf(model: Model, vehicle: number, before: number, leg: number): number {
  const extra = model.extraService[vehicle]?.[before] ?? 0
  return model.duration[vehicle]!.out[leg]! - model.travel[vehicle]!.out[leg]! - extra
}

/**
 * The duration of a route with a stop put in behind `after`, its breaks on the legs on which they are; those of the leg
 * that is cut in two on the better half. Lateness counts as duration, because such breaks would have to move. Exact for
 * the first stop of a route.
 */
export function durationWithBreaks(
  model: Model,
  plan: Plan,
  stop: number,
  after: number,
  vehicle: number,
): number {
  const next = plan.next[after]!
  if (plan.stopCount[vehicle] === 0) return durationAlone(model, vehicle, [after, stop, next])
  if (plan.pauseClose[next] === FOREVER) return durationVia(model, plan, stop, after, vehicle, NO_HALF)
  return Math.min(
    durationVia(model, plan, stop, after, vehicle, 0),
    durationVia(model, plan, stop, after, vehicle, 1),
  )
}

const NO_HALF = -1

/** With the breaks of the leg on the half to the stop (0), on that behind it (1) or nowhere. */
function durationVia(
  model: Model,
  plan: Plan,
  stop: number,
  after: number,
  vehicle: number,
  pausedHalf: number,
): number {
  const { prefix, suffix } = plan
  const next = plan.next[after]!
  let elapsed = prefix.duration[after]!
  let late = prefix.late[after]!
  let clock = prefix.early[after]! + elapsed
  let lateness = 0
  for (let half = 0; half < 2; half++) {
    const from = half === 0 ? after : stop
    const to = half === 0 ? stop : next
    const leg = model.place[from]! * model.placeCount + model.place[to]!
    const seconds = model.duration[vehicle]!.out[leg]!
    if (half === pausedHalf) {
      const pause = plan.pauseSeconds[next]!
      const setup = setupOf(model, vehicle, from, leg)
      const close = plan.pauseClose[next]! + model.travel[vehicle]!.out[leg]!
      elapsed += seconds - setup
      clock = Math.max(clock + seconds - setup, plan.pauseOpen[next]!)
      lateness += Math.max(0, clock - close)
      const wait = Math.max(0, plan.pauseOpen[next]! - elapsed - late)
      late = Math.min(close - elapsed, late)
      elapsed += wait + pause + setup
      clock += pause + setup
    } else {
      elapsed += seconds
      clock += seconds
    }
    if (half === 1) break
    let window = model.windowFrom[stop]!
    while (window < model.windowFrom[stop + 1]! - 1 && model.windowClose[window]! < clock) window++
    const open = model.windowOpen[window]!
    const close = model.windowClose[window]!
    clock = Math.max(clock, open)
    lateness += Math.max(0, clock - close)
    const wait = Math.max(0, open - elapsed - late)
    late = Math.min(close - elapsed, late)
    elapsed += wait + model.serviceSeconds[stop]!
    clock += model.serviceSeconds[stop]!
  }
  lateness += Math.max(0, clock - suffix.late[next]!)
  return elapsed + Math.max(0, suffix.early[next]! - elapsed - late) + suffix.duration[next]! + lateness
}
