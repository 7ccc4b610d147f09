import type { Problem, Vehicle } from './problem.ts'

/**
 * A matrix twice: `out[a * places + b]` and `into[b * places + a]` both hold the leg from `a` to `b`. Whoever
 * tries one stop at many positions reads one row of each, which stays in the processor's cache.
 */
export interface Legs {
  readonly out: Int32Array
  readonly into: Int32Array
}

/**
 * The problem compiled for the search: numbers in typed arrays, ids gone.
 *
 * A route is a chain of nodes. Node `s` below `stopCount` is the stop `s`; `startNode` and `endNode` give each
 * vehicle two more. A place is a row of the matrices: each stop has its own, so that a leg can include the
 * setup of the stop it leads to. Times count from `originSeconds`.
 */
export interface Model {
  readonly stopCount: number
  readonly vehicleCount: number
  readonly nodeCount: number
  readonly placeCount: number
  readonly dimensions: number
  readonly originSeconds: number
  /** By node. */
  readonly place: Int32Array
  readonly serviceSeconds: Int32Array
  /** The windows of stop `s` are `windowOpen` and `windowClose` from `windowFrom[s]` up to `windowFrom[s + 1]`. */
  readonly windowFrom: Int32Array
  readonly windowOpen: Int32Array
  readonly windowClose: Int32Array
  readonly lastClose: Int32Array
  readonly hasSeveralWindows: boolean
  /** By stop, then by dimension. */
  readonly demand: Float64Array
  /** What leaving the stop out weighs. */
  readonly weight: Float64Array
  readonly isLocked: Uint8Array
  /** By node: 1 where nothing may be put in behind it, because a locked stop follows. */
  readonly isFixed: Uint8Array
  /** By stop, then by vehicle: 1 where skills, pins and the stop's own demand allow it. */
  readonly isAllowed: Uint8Array
  /** By vehicle, then by dimension. */
  readonly capacity: Float64Array
  readonly shiftStart: Int32Array
  readonly shiftEnd: Int32Array
  readonly maxStops: Int32Array
  readonly fixedCost: Float64Array
  readonly costPerMeter: Float64Array
  readonly costPerSecond: Float64Array
  readonly lockedStops: readonly (readonly number[])[]
  /** Vehicles with the same number are interchangeable: of those unused, the search need only try one. */
  readonly twin: Int32Array
  readonly distance: Legs
  /** By vehicle; vehicles of one speed share theirs. */
  readonly duration: readonly Legs[]
}

/** Stands for "at any time": later than every shift, and small enough to add legs to in 32 bits. */
export const FOREVER = 2 ** 30

/** The node where a vehicle's chain begins. */
export function startNode(model: Model, vehicle: number): number {
  return model.stopCount + vehicle
}

/** The node where a vehicle's chain ends. */
export function endNode(model: Model, vehicle: number): number {
  return model.stopCount + model.vehicleCount + vehicle
}

/** Compiles a valid problem. Limits give way to locked stops, see `relaxForLockedStops`. */
export function compileModel(problem: Problem): Model {
  const { stops, vehicles } = problem
  const originSeconds = vehicles.reduce(
    (first, { shift }) => Math.min(first, shift[0]),
    Number.POSITIVE_INFINITY,
  )
  const stopIndex = new Map(stops.map((stop, index) => [stop.id, index]))
  const lockedStops = vehicles.map((vehicle) =>
    (vehicle.lockedStops ?? []).map((id) => stopIndex.get(id) ?? -1),
  )
  const isLocked = new Uint8Array(stops.length)
  for (const stop of lockedStops.flat()) isLocked[stop] = 1
  const isFixed = new Uint8Array(stops.length + 2 * vehicles.length)
  lockedStops.forEach((locked, vehicle) => {
    if (locked.length > 0) isFixed[stops.length + vehicle] = 1
    for (const stop of locked.slice(0, -1)) isFixed[stop] = 1
  })
  const model: Model = {
    stopCount: stops.length,
    vehicleCount: vehicles.length,
    nodeCount: stops.length + 2 * vehicles.length,
    dimensions: vehicles[0]?.capacity.length ?? 0,
    originSeconds,
    ...compileWindows(problem, originSeconds, isLocked),
    ...compileTravel(problem),
    demand: Float64Array.from(stops.flatMap((stop) => stop.demand)),
    weight: Float64Array.from(stops, (stop) => 1 + (stop.priority ?? 0)),
    isLocked,
    isFixed,
    isAllowed: compileAllowed(problem),
    capacity: Float64Array.from(vehicles.flatMap((vehicle) => vehicle.capacity)),
    shiftStart: Int32Array.from(vehicles, (vehicle) => vehicle.shift[0] - originSeconds),
    shiftEnd: Int32Array.from(vehicles, (vehicle) => vehicle.shift[1] - originSeconds),
    maxStops: Int32Array.from(vehicles, (vehicle) => Math.min(vehicle.maxStops ?? FOREVER, FOREVER)),
    fixedCost: Float64Array.from(vehicles, (vehicle) => vehicle.costs.fixed),
    costPerMeter: Float64Array.from(vehicles, (vehicle) => vehicle.costs.perMeter),
    costPerSecond: Float64Array.from(vehicles, (vehicle) => vehicle.costs.perSecond),
    lockedStops,
    twin: compileTwins(problem),
  }
  for (let vehicle = 0; vehicle < vehicles.length; vehicle++) relaxForLockedStops(model, vehicle)
  return model
}

/** The first moment from `readySeconds` on at which the service of a stop may start; FOREVER if there is none. */
export function firstStart(model: Model, stop: number, readySeconds: number): number {
  const until = model.windowFrom[stop + 1]!
  for (let window = model.windowFrom[stop]!; window < until; window++) {
    if (readySeconds <= model.windowClose[window]!) return Math.max(readySeconds, model.windowOpen[window]!)
  }
  return FOREVER
}

/** The last moment up to `limitSeconds` at which the service of a stop may start; -1 if there is none. */
export function lastStart(model: Model, stop: number, limitSeconds: number): number {
  const from = model.windowFrom[stop]!
  for (let window = model.windowFrom[stop + 1]! - 1; window >= from; window--) {
    if (limitSeconds >= model.windowOpen[window]!) return Math.min(limitSeconds, model.windowClose[window]!)
  }
  return -1
}

function compileWindows(problem: Problem, originSeconds: number, isLocked: Uint8Array) {
  const windows = problem.stops.flatMap((stop) => stop.timeWindows)
  const windowFrom = new Int32Array(problem.stops.length + 1)
  problem.stops.forEach((stop, index) => {
    windowFrom[index + 1] = windowFrom[index]! + stop.timeWindows.length
  })
  const toModelTime = (seconds: number) => Math.max(-FOREVER, Math.min(FOREVER - 1, seconds - originSeconds))
  const windowOpen = Int32Array.from(windows, ([start]) => toModelTime(start))
  const windowClose = Int32Array.from(windows, ([, end]) => toModelTime(end))
  const lastClose = Int32Array.from(problem.stops, (_, index) => {
    const last = windowFrom[index + 1]! - 1
    // A locked stop is served even when late, but not before a window opens.
    if (isLocked[index] === 1) windowClose[last] = FOREVER - 1
    return windowClose[last]!
  })
  const hasSeveralWindows = windows.length > problem.stops.length
  return { windowFrom, windowOpen, windowClose, lastClose, hasSeveralWindows }
}

function compileAllowed(problem: Problem): Uint8Array {
  const { stops, vehicles } = problem
  const isAllowed = new Uint8Array(stops.length * vehicles.length)
  const skillSets = vehicles.map((vehicle) => new Set(vehicle.skills))
  stops.forEach((stop, stopIndex) => {
    vehicles.forEach((vehicle, vehicleIndex) => {
      const allowed =
        (stop.vehicleIds?.includes(vehicle.id) ?? true) &&
        (stop.skills ?? []).every((skill) => skillSets[vehicleIndex]!.has(skill)) &&
        stop.demand.every((amount, dimension) => amount <= vehicle.capacity[dimension]!)
      if (allowed) isAllowed[stopIndex * vehicles.length + vehicleIndex] = 1
    })
  })
  return isAllowed
}

function compileTwins(problem: Problem): Int32Array {
  const pinned = new Set(problem.stops.flatMap((stop) => stop.vehicleIds ?? []))
  const numbers = new Map<string, number>()
  return Int32Array.from(problem.vehicles, (vehicle) => {
    const { id, lockedStops = [], skills = [], ...rest } = vehicle
    const own = pinned.has(id) || lockedStops.length > 0 ? id : null
    const key = JSON.stringify([own, skills.toSorted(), rest])
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    return number
  })
}

/** Places are the stops, then the depots in use, then nowhere (for open routes). */
function compileTravel(problem: Problem) {
  const { stops, vehicles } = problem
  const ends = [...vehicles.map((v) => v.startLocation), ...vehicles.map((v) => v.endLocation)]
  const depots = [...new Set(ends)].filter((location) => location !== null)
  const nowhere = stops.length + depots.length
  const locations = [...stops.map((stop) => stop.location), ...depots]
  const depotPlace = ends.map((end) => (end === null ? nowhere : stops.length + depots.indexOf(end)))
  const place = Int32Array.from([...stops.map((_, index) => index), ...depotPlace])
  const placeCount = nowhere + 1
  const serviceSeconds = new Int32Array(place.length)
  stops.forEach((stop, index) => {
    serviceSeconds[index] = stop.serviceSeconds
  })
  const distance = compileLegs(placeCount, (from, to) => {
    if (from === nowhere || to === nowhere) return 0
    return problem.distancesMeters[locations[from]! * problem.locationCount + locations[to]!]!
  })
  const bySpeed = new Map<number, Legs>()
  const durationAt = (speedFactor: number) => {
    const legs = compileLegs(placeCount, (from, to) => {
      const setup = locations[from] === locations[to] ? 0 : (stops[to]?.setupSeconds ?? 0)
      if (from === nowhere || to === nowhere) return setup
      const seconds = problem.durationsSeconds[locations[from]! * problem.locationCount + locations[to]!]!
      return Math.round(seconds / speedFactor) + setup
    })
    bySpeed.set(speedFactor, legs)
    return legs
  }
  const speedOf = (vehicle: Vehicle) => vehicle.speedFactor ?? 1
  const duration = vehicles.map((vehicle) => bySpeed.get(speedOf(vehicle)) ?? durationAt(speedOf(vehicle)))
  return { place, placeCount, serviceSeconds, distance, duration }
}

function compileLegs(placeCount: number, leg: (from: number, to: number) => number): Legs {
  const out = new Int32Array(placeCount * placeCount)
  const into = new Int32Array(placeCount * placeCount)
  for (let from = 0; from < placeCount; from++) {
    for (let to = 0; to < placeCount; to++) {
      const value = Math.min(FOREVER, leg(from, to))
      out[from * placeCount + to] = value
      into[to * placeCount + from] = value
    }
  }
  return { out, into }
}

/** Raises a vehicle's limits to what its locked stops need, so that the locked route itself is feasible. */
function relaxForLockedStops(model: Model, vehicle: number): void {
  const locked = model.lockedStops[vehicle]!
  if (locked.length === 0) return
  const { out } = model.duration[vehicle]!
  let at = startNode(model, vehicle)
  let clock = model.shiftStart[vehicle]!
  const load = new Float64Array(model.dimensions)
  for (const stop of locked) {
    clock = firstStart(model, stop, clock + out[model.place[at]! * model.placeCount + model.place[stop]!]!)
    clock += model.serviceSeconds[stop]!
    for (let d = 0; d < model.dimensions; d++) load[d]! += model.demand[stop * model.dimensions + d]!
    at = stop
  }
  clock += out[model.place[at]! * model.placeCount + model.place[endNode(model, vehicle)]!]!
  model.shiftEnd[vehicle] = Math.max(model.shiftEnd[vehicle]!, clock)
  model.maxStops[vehicle] = Math.max(model.maxStops[vehicle]!, locked.length)
  for (let d = 0; d < model.dimensions; d++) {
    const limit = vehicle * model.dimensions + d
    model.capacity[limit] = Math.max(model.capacity[limit]!, load[d]!)
  }
}
