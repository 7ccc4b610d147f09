import type { Break, Problem, Vehicle } from '@urbanbloom/vrp/problem'
import type { Route, RouteBreak, RouteStop } from '@urbanbloom/vrp/solution'

/** A leg and what is at its end: a stop, or the hub. */
type Leg = {
  id: string | null
  driving: number
  meters: number
  open: number
  close: number
  service: number
}

/** A break to take on a leg, and how late it may begin. */
type Pause = { id: string; open: number; close: number; service: number }

type Walk = { stops: RouteStop[]; breaks: RouteBreak[]; end: number; lateness: number }

/**
 * The times of one vehicle that serves these stops in this order, as the optimizer would time them: it ends as early
 * as it can, breaks included, and then leaves as late as that allows. Nothing is refused: who comes after the window
 * begins at once, and breaks that do not fit are late. `isFeasible` says whether it can be.
 */
export function timeInOrder(problem: Problem, vehicle: Vehicle, stopIds: readonly string[]): Route | null {
  if (stopIds.length === 0) return null
  const legs = legsOf(problem, vehicle, stopIds)
  const pauses = (vehicle.breaks ?? []).map(toPause)
  const { departure, walk } = leaveLate(legs, pauses, vehicle.shift[0])
  const meters = legs.reduce((sum, leg) => sum + leg.meters, 0)
  const travel = legs.reduce((sum, leg) => sum + leg.driving, 0)
  const { fixed, perMeter, perSecond, perTravelSecond = 0 } = vehicle.costs
  const duration = walk.end - departure
  return {
    vehicleId: vehicle.id,
    stops: walk.stops,
    breaks: walk.breaks,
    distanceMeters: meters,
    travelSeconds: travel,
    durationSeconds: duration,
    startSeconds: departure,
    endSeconds: walk.end,
    cost: fixed + perMeter * meters + perSecond * duration + perTravelSecond * travel,
    changeCost: 0,
    load: loadOf(problem, stopIds),
  }
}

/** Of the ways to lay the breaks that end first, two are tried: as early and as late as they go. */
function leaveLate(legs: readonly Leg[], pauses: readonly Pause[], start: number) {
  const fitting = layBreaks(legs, pauses, start) === null ? pauses.map(late) : pauses
  const layings = [false, true].map((lately) => layBreaks(legs, fitting, start, lately) ?? legs.map(() => []))
  const ways = layings.map((onLeg) => {
    const departure = latestDeparture(legs, onLeg, start, follow(legs, onLeg, start))
    return { departure, walk: follow(legs, onLeg, departure) }
  })
  const [early, lately] = ways as [(typeof ways)[0], (typeof ways)[0]]
  return lately.departure > early.departure && lately.walk.lateness <= early.walk.lateness ? lately : early
}

/** Whether a vehicle can drive a route as it is timed: windows, capacity, shift and skills. */
export function isFeasible(problem: Problem, vehicle: Vehicle, route: Route): boolean {
  const byId = new Map(problem.stops.map((stop) => [stop.id, stop]))
  const skills = new Set(vehicle.skills ?? [])
  return (
    route.endSeconds <= vehicle.shift[1] &&
    route.load.every((load, dimension) => load <= (vehicle.capacity[dimension] ?? 0)) &&
    route.stops.every(({ id, startServiceSeconds }) => {
      const stop = byId.get(id)
      const close = stop?.timeWindows.at(-1)?.[1] ?? 0
      return startServiceSeconds <= close && (stop?.skills ?? []).every((skill) => skills.has(skill))
    })
  )
}

function legsOf(problem: Problem, vehicle: Vehicle, stopIds: readonly string[]): Leg[] {
  const byId = new Map(problem.stops.map((stop) => [stop.id, stop]))
  let place = vehicle.startLocation ?? 0
  const leg = (to: number) => {
    const index = place * problem.locationCount + to
    place = to
    return { driving: problem.durationsSeconds[index] ?? 0, meters: problem.distancesMeters[index] ?? 0 }
  }
  const legs = stopIds.map((id): Leg => {
    const stop = byId.get(id)
    if (stop === undefined) throw new Error(`The problem has no stop ${id}`)
    const [open = 0, close = 0] = stop.timeWindows[0] ?? []
    return { id, ...leg(stop.location), open, close, service: stop.serviceSeconds }
  })
  const home = leg(vehicle.endLocation ?? place)
  return [...legs, { id: null, ...home, open: 0, close: Number.POSITIVE_INFINITY, service: 0 }]
}

function toPause({ id, timeWindows: [window], serviceSeconds }: Break): Pause {
  const [open = 0, close = 0] = window ?? []
  return { id, open, close, service: serviceSeconds }
}

function late(pause: Pause): Pause {
  return { ...pause, close: Number.POSITIVE_INFINITY }
}

/**
 * Which breaks to take on which leg, so that the route ends first: for each number of breaks taken so far, when the
 * node before can be left. Null where they do not fit.
 */
function layBreaks(
  legs: readonly Leg[],
  pauses: readonly Pause[],
  start: number,
  lately = false,
): Pause[][] | null {
  let reached: { at: number; onLeg: Pause[][] }[] = [{ at: start, onLeg: [] }]
  for (const leg of legs) {
    const next: typeof reached = []
    for (const [taken, state] of reached.entries()) {
      if (state === undefined) continue
      for (let more = taken; more <= pauses.length; more += 1) {
        const chosen = pauses.slice(taken, more)
        const arrival = drive(leg, chosen, state.at)
        if (arrival === null) break
        const done = Math.max(arrival, leg.open) + leg.service
        const known = next[more]?.at ?? Number.POSITIVE_INFINITY
        if (done < known || (lately && done === known)) {
          next[more] = { at: done, onLeg: [...state.onLeg, chosen] }
        }
      }
    }
    reached = next
  }
  return reached[pauses.length]?.onLeg ?? null
}

/** When a leg ends that begins at a moment, with these breaks on it; null where one begins too late. */
function drive(leg: Leg, pauses: readonly Pause[], from: number, breaks?: Omit<RouteBreak, 'afterStops'>[]) {
  let clock = from
  let { driving } = leg
  for (const { id, open, close, service } of pauses) {
    const begin = Math.max(clock, open)
    if (begin > close) return null
    driving = Math.max(0, driving - (begin - clock))
    clock = begin + service
    breaks?.push({ id, startSeconds: begin, endSeconds: clock })
  }
  return clock + driving
}

function follow(legs: readonly Leg[], onLeg: readonly Pause[][], departure: number): Walk {
  const walk: Walk = { stops: [], breaks: [], end: departure, lateness: 0 }
  for (const [index, leg] of legs.entries()) {
    const taken: Omit<RouteBreak, 'afterStops'>[] = []
    const arrival = drive(leg, (onLeg[index] ?? []).map(late), walk.end, taken) ?? walk.end
    walk.breaks.push(...taken.map((pause) => ({ ...pause, afterStops: index })))
    for (const [at, { close }] of (onLeg[index] ?? []).entries()) {
      walk.lateness += Math.max(0, (taken[at]?.startSeconds ?? 0) - close)
    }
    const begin = Math.max(arrival, leg.open)
    walk.lateness += Math.max(0, begin - leg.close)
    walk.end = begin + leg.service
    if (leg.id === null) continue
    walk.stops.push({
      id: leg.id,
      arrivalSeconds: arrival,
      startServiceSeconds: begin,
      departureSeconds: walk.end,
      waitingSeconds: begin - arrival,
    })
  }
  return walk
}

/** The latest departure by which the route ends no later and nothing is later that is late already; by bisection. */
function latestDeparture(
  legs: readonly Leg[],
  onLeg: readonly Pause[][],
  start: number,
  earliest: Walk,
): number {
  let sure = start
  let tooLate = earliest.end + 1
  while (tooLate - sure > 1) {
    const middle = Math.floor((sure + tooLate) / 2)
    const walk = follow(legs, onLeg, middle)
    if (walk.end <= earliest.end && walk.lateness <= earliest.lateness) sure = middle
    else tooLate = middle
  }
  return sure
}

/** Everything is on board when the vehicle leaves. */
function loadOf(problem: Problem, stopIds: readonly string[]): number[] {
  const ids = new Set(stopIds)
  const stops = problem.stops.filter(({ id }) => ids.has(id))
  const dimensions = problem.vehicles[0]?.capacity.length ?? stops[0]?.demand.length ?? 0
  return Array.from({ length: dimensions }, (_, d) =>
    stops.reduce((sum, { demand }) => sum + (demand[d] ?? 0), 0),
  )
}
