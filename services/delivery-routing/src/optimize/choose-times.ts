import { InvalidRequestError } from './faults.ts'
import { actionOf, legsOf } from './legs.ts'
import type { GivenStep, PreparedRequest, Vehicle, Window } from './request.ts'
import type { TimedRoute, TimedStep } from './timed-route.ts'

/** An event of a given route, in the order in which they happen. */
type Event = {
  step: Omit<TimedStep, 'begin' | 'done'>
  windows: readonly Window[] | null
  /** Hard bounds of when it begins. */
  least: number
  most: number
  /** From its beginning to its end. */
  action: number
  /** Driving from the task before, on every event up to the next task. */
  travel: number
}

/** Where the driving goes on a leg that breaks interrupt. */
type Share = 'before' | 'behind' | 'fitting'

type Choice = { begins: number[]; violation: number }

/** Times that need more than this many cells are chosen as early as possible instead. */
const MAX_CELLS = 4_000_000

/**
 * Chooses the times of a route whose order is given (VROOM's plan mode): the sum of earliness and lateness against
 * all windows is as small as it can be, then the route ends early, then everything waits as little as it can. The
 * `service_*` bounds are kept; where that is impossible, an `InvalidRequestError` says so.
 *
 * Less the least time from the start, the times of events must not fall: choosing them is isotonic regression with
 * the windows' costs, solved by dynamic programming over the moments at which a cost bends.
 */
export function chooseTimes(
  request: PreparedRequest,
  vehicle: Vehicle,
  given: readonly GivenStep[],
): TimedRoute {
  const events = eventsOf(request, vehicle, given)
  const shares: Share[] = vehicle.breaks.length > 0 ? ['fitting', 'before', 'behind'] : ['before']
  let best: Choice | null = null
  for (const share of shares) {
    const choice = chooseWith(events, gapsOf(events, share))
    if (choice !== null && (best === null || choice.violation < best.violation)) best = choice
  }
  if (best === null) {
    const path = `${vehicle.path}.steps`
    throw new InvalidRequestError([
      { path, message: 'service_at, service_after and service_before cannot all be kept' },
    ])
  }
  const { begins } = best
  const steps = events.map(({ step, action }, index): TimedStep => {
    const begin = begins[index]!
    return { ...step, begin, done: begin + action }
  })
  return { vehicle, steps }
}

function eventsOf(request: PreparedRequest, vehicle: Vehicle, given: readonly GivenStep[]): Event[] {
  const { seconds } = legsOf(request, vehicle)
  const own = (type: 'start' | 'end') => given.find((step) => step.type === type)
  const working = vehicle.window === null ? null : [vehicle.window]
  const plain = { task: null, pause: null }
  const events: Event[] = [
    {
      step: { type: 'start', ...plain },
      windows: working ?? [[0, Number.MAX_SAFE_INTEGER]],
      action: 0,
      travel: 0,
      ...bounds(own('start')),
    },
  ]
  let place = vehicle.start
  for (const step of given) {
    const { task, pause } = step
    if (pause !== null) {
      const event = { step: { type: 'break' as const, task: null, pause }, windows: pause.windows }
      events.push({ ...event, action: pause.service, travel: 0, ...bounds(step) })
    } else if (task !== null) {
      const action = actionOf(task, vehicle, place).seconds
      const event = { step: { type: 'task' as const, task, pause: null }, windows: task.windows }
      events.push({ ...event, action, travel: seconds(place, task.place), ...bounds(step) })
      place = task.place
    }
  }
  const travel = seconds(place, vehicle.end)
  events.push({ step: { type: 'end', ...plain }, windows: working, action: 0, travel, ...bounds(own('end')) })
  return events
}

function bounds(step: GivenStep | undefined) {
  return {
    least: Math.max(0, step?.serviceAt ?? 0, step?.serviceAfter ?? 0),
    most: Math.min(
      step?.serviceAt ?? Number.POSITIVE_INFINITY,
      step?.serviceBefore ?? Number.POSITIVE_INFINITY,
    ),
  }
}

/** By event: the least time since the event before began. */
function gapsOf(events: readonly Event[], share: Share): number[] {
  const gaps = events.map((_, index) => events[index - 1]?.action ?? 0)
  let clock = 0
  let first = 1
  events.forEach((event, index) => {
    if (index === 0) {
      clock = Math.max(event.least, event.windows?.[0]?.[0] ?? 0)
      return
    }
    if (event.step.type === 'break') return
    // Events `first` to `index` lie on one leg, the breaks in front.
    let driving = event.travel
    if (share === 'before') gaps[first]! += driving
    else if (share === 'behind') gaps[index]! += driving
    for (let at = first; share === 'fitting' && at <= index; at += 1) {
      const opens = Math.max(events[at]!.least, events[at]!.windows?.[0]?.[0] ?? 0)
      const room = Math.max(0, opens - clock - gaps[at]!)
      const driven = at === index ? driving : Math.min(driving, room)
      gaps[at]! += driven
      driving -= driven
      clock = Math.max(clock + gaps[at]!, opens)
    }
    first = index + 1
  })
  return gaps
}

function chooseWith(events: readonly Event[], gaps: readonly number[]): Choice | null {
  let sum = 0
  const offsets = gaps.map((gap) => (sum += gap))
  const moments = candidatesOf(events, offsets)
  if (moments.length * events.length > MAX_CELLS) return asEarlyAsPossible(events, gaps)
  const rows: Float64Array[] = []
  events.forEach((event, index) => {
    const before = rows[index - 1]
    const row = new Float64Array(moments.length)
    let least = before === undefined ? 0 : Number.POSITIVE_INFINITY
    for (let at = 0; at < moments.length; at += 1) {
      if (before !== undefined) least = Math.min(least, before[at]!)
      row[at] = least + costOf(event, moments[at]! + offsets[index]!)
    }
    rows.push(row)
  })
  const last = rows.at(-1)!
  const violation = last.reduce((least, cost) => Math.min(least, cost), Number.POSITIVE_INFINITY)
  if (violation === Number.POSITIVE_INFINITY) return null
  const begins: number[] = []
  let at = last.indexOf(violation)
  for (let index = events.length - 1; index >= 0; index -= 1) {
    if (index < events.length - 1) at = cheapestUpTo(rows[index]!, at)
    begins.unshift(moments[at]! + offsets[index]!)
  }
  return { begins, violation }
}

/** The last of the cheapest entries up to an index: as late as possible, so that nobody waits without need. */
function cheapestUpTo(row: Float64Array, until: number): number {
  let best = until
  for (let at = until - 1; at >= 0; at -= 1) if (row[at]! < row[best]!) best = at
  return best
}

/** The moments, less the least time from the start, at which any cost bends. */
function candidatesOf(events: readonly Event[], offsets: readonly number[]): number[] {
  const moments = new Set([0])
  events.forEach(({ windows, least, most }, index) => {
    const bends = [least, most, ...(windows ?? []).flat()]
    for (const bend of bends) {
      const moment = bend - offsets[index]!
      if (moment > 0 && moment < Number.MAX_SAFE_INTEGER / 2) moments.add(moment)
    }
  })
  return [...moments].toSorted((a, b) => a - b)
}

function costOf({ windows, least, most }: Event, begin: number): number {
  if (begin < least || begin > most) return Number.POSITIVE_INFINITY
  return Math.abs(deviationOf(windows, begin))
}

/** How much too early (below 0) or too late (above 0) a moment is for the nearest window. */
export function deviationOf(windows: readonly Window[] | null, begin: number): number {
  if (windows === null) return 0
  let nearest = Number.POSITIVE_INFINITY
  for (const [start, end] of windows) {
    const off = begin < start ? begin - start : begin > end ? begin - end : 0
    if (Math.abs(off) < Math.abs(nearest)) nearest = off
  }
  return nearest
}

function asEarlyAsPossible(events: readonly Event[], gaps: readonly number[]): Choice | null {
  let clock = 0
  let violation = 0
  const begins = events.map((event, index) => {
    const ready = Math.max(event.least, index === 0 ? 0 : clock + gaps[index]!)
    const window = event.windows?.find(([, end]) => end >= ready)
    clock = Math.max(ready, window?.[0] ?? 0)
    violation += costOf(event, clock)
    return clock
  })
  return violation === Number.POSITIVE_INFINITY ? null : { begins, violation }
}
