import { FOREVER, type Legs } from './model.ts'
import { type Problem, serviceSecondsOf, type Vehicle } from './problem.ts'

/** Matrices are gone through in squares of so many rows and columns, which stay in the processor's cache. */
const BLOCK = 64
/** The location of nowhere, from and to which nothing is driven. */
const NOWHERE = -1

/**
 * Compiles the matrices. Places are the stops, then the depots in use, then nowhere (for open routes). It runs before
 * the first plan of every search, on a million cells and more, so its loops are plain.
 */
export function compileTravel(problem: Problem) {
  const { stops, vehicles } = problem
  const ends = [...vehicles.map((v) => v.startLocation), ...vehicles.map((v) => v.endLocation)]
  const depots = [...new Set(ends)].filter((location) => location !== null)
  const nowhere = stops.length + depots.length
  const locations = Int32Array.from([...stops.map((stop) => stop.location), ...depots, NOWHERE])
  const depotPlace = ends.map((end) => (end === null ? nowhere : stops.length + depots.indexOf(end)))
  const place = Int32Array.from([...stops.map((_, index) => index), ...depotPlace])
  const distance = toLegs(gather(problem, problem.distancesMeters, locations, 1), locations.length)
  const { serviceSeconds, extraService } = compileService(problem, place.length)
  const setups = Int32Array.from(locations, (_, index) => stops[index]?.setupSeconds ?? 0)
  const legs = compileDriving(problem, locations, distance, setups, extraService)
  const duration = legs.map((each) => each.duration)
  const travel = legs.map((each) => each.travel)
  return { place, placeCount: locations.length, serviceSeconds, extraService, distance, duration, travel }
}

type Driving = { readonly duration: Legs; readonly travel: Legs }

/** By vehicle. Those with equal times share their arrays. */
function compileDriving(
  problem: Problem,
  locations: Int32Array,
  distance: Legs,
  setups: Int32Array,
  extraService: readonly (Int32Array | null)[],
): Driving[] {
  const numberOf = numbering()
  const travels = new Map<string, Legs>()
  const durations = new Map<string, Legs>()
  const hasSetups = setups.some((seconds) => seconds > 0)
  const travelOf = ({ durationsSeconds = problem.durationsSeconds, speedFactor = 1 }: Vehicle): Legs => {
    if (durationsSeconds === problem.distancesMeters && speedFactor === 1) return distance
    const out = gather(problem, durationsSeconds, locations, speedFactor)
    return isEqual(out, distance.out) ? distance : toLegs(out, locations.length)
  }
  return problem.vehicles.map((vehicle, index) => {
    const extra = extraService[index]!
    const { durationsSeconds = problem.durationsSeconds, speedFactor = 1 } = vehicle
    const key = `${numberOf(durationsSeconds)} ${speedFactor}`
    const travel = travels.get(key) ?? travelOf(vehicle)
    travels.set(key, travel)
    if (!hasSetups && extra === null) return { travel, duration: travel }
    const fullKey = `${key} ${numberOf(extra)}`
    const duration = durations.get(fullKey) ?? withActions(travel, locations, setups, extra)
    durations.set(fullKey, duration)
    return { travel, duration }
  })
}

/** The part of a matrix between places. The last place is nowhere, whose legs are 0. */
function gather(
  { locationCount }: Problem,
  matrix: Int32Array,
  locations: Int32Array,
  speedFactor: number,
): Int32Array {
  const count = locations.length
  const somewhere = count - 1
  const out = new Int32Array(count * count)
  for (let from = 0; from < somewhere; from++) {
    const row = locations[from]! * locationCount
    const target = from * count
    for (let to = 0; to < somewhere; to++) out[target + to] = matrix[row + locations[to]!]!
  }
  if (speedFactor === 1) return out
  for (let cell = 0; cell < out.length; cell++) {
    out[cell] = Math.min(FOREVER, Math.round(out[cell]! / speedFactor))
  }
  return out
}

/** With the setup of the stop that a leg leads to, and what its vehicle serves longer where the leg begins. */
function withActions(
  { out }: Legs,
  locations: Int32Array,
  setups: Int32Array,
  extra: Int32Array | null,
): Legs {
  const count = locations.length
  const longer = new Int32Array(out.length)
  for (let from = 0; from < count; from++) {
    const behind = extra?.[from] ?? 0
    for (let to = 0; to < count; to++) {
      const setup = locations[from] === locations[to] ? 0 : setups[to]!
      longer[from * count + to] = Math.min(FOREVER, out[from * count + to]! + setup + behind)
    }
  }
  return toLegs(longer, count)
}

/** Where both ways are equal, one array serves both: what the processor's cache holds decides the speed of the search. */
function toLegs(out: Int32Array, count: number): Legs {
  if (isSymmetric(out, count)) return { out, into: out }
  const into = new Int32Array(out.length)
  for (let top = 0; top < count; top += BLOCK) {
    for (let left = 0; left < count; left += BLOCK) {
      const bottom = Math.min(count, top + BLOCK)
      const right = Math.min(count, left + BLOCK)
      for (let a = top; a < bottom; a++) {
        for (let b = left; b < right; b++) into[b * count + a] = out[a * count + b]!
      }
    }
  }
  return { out, into }
}

function isSymmetric(out: Int32Array, count: number): boolean {
  for (let top = 0; top < count; top += BLOCK) {
    for (let left = 0; left <= top; left += BLOCK) {
      const bottom = Math.min(count, top + BLOCK)
      const right = Math.min(count, left + BLOCK)
      for (let a = top; a < bottom; a++) {
        for (let b = left; b < right; b++) if (out[a * count + b] !== out[b * count + a]) return false
      }
    }
  }
  return true
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/** The shortest service of each stop, and what it takes longer with each vehicle. Vehicles of one type share theirs. */
function compileService({ stops, vehicles }: Problem, nodeCount: number) {
  const serviceSeconds = new Int32Array(nodeCount)
  const byType = new Map(vehicles.map((vehicle) => [vehicle.type, vehicle]))
  stops.forEach((stop, index) => {
    const each = [...byType.values()].map((vehicle) => serviceSecondsOf(stop, vehicle))
    serviceSeconds[index] = stop.serviceSecondsByType ? Math.min(...each) : stop.serviceSeconds
  })
  const extraOfType = new Map(
    [...byType].map(([type, vehicle]) => {
      const extra = Int32Array.from(
        stops,
        (stop, index) => serviceSecondsOf(stop, vehicle) - serviceSeconds[index]!,
      )
      return [type, extra.some((seconds) => seconds > 0) ? extra : null]
    }),
  )
  return { serviceSeconds, extraService: vehicles.map(({ type }) => extraOfType.get(type)!) }
}

/** Gives each thing a number, the same thing the same one. */
export function numbering(): (thing: Int32Array | null | undefined) => number {
  const numbers = new Map<Int32Array | null | undefined, number>()
  return (thing) => {
    const number = numbers.get(thing) ?? numbers.size
    numbers.set(thing, number)
    return number
  }
}
