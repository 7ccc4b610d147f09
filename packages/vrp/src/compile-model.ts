import { compileBreaks } from './break-schedule.ts'
import { type AnnouncementModel, FOREVER, type Legs, type Model } from './model.ts'
import { type Problem, serviceSecondsOf, type Vehicle } from './problem.ts'
import { relaxForLockedStops } from './relax-for-locked-stops.ts'
import { findShortcuts, NO_SHORTCUTS } from './shortcuts.ts'

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
    ...compileLoads(problem, stopIndex),
    weight: compileWeights(problem, stopIndex),
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
    costPerTravelSecond: Float64Array.from(vehicles, (vehicle) => vehicle.costs.perTravelSecond ?? 0),
    maxMeters: Float64Array.from(vehicles, (vehicle) => vehicle.maxMeters ?? Number.POSITIVE_INFINITY),
    maxTravelSeconds: Float64Array.from(
      vehicles,
      (vehicle) => vehicle.maxTravelSeconds ?? Number.POSITIVE_INFINITY,
    ),
    isPlain: compilePlain(problem),
    shortcuts: NO_SHORTCUTS,
    breaks: compileBreaks(vehicles, originSeconds),
    announced: compileAnnouncements(problem),
    lockedStops,
    twin: compileTwins(problem),
  }
  for (let vehicle = 0; vehicle < vehicles.length; vehicle++) relaxForLockedStops(model, vehicle)
  return { ...model, shortcuts: findShortcuts(model) }
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

function compileLoads(problem: Problem, stopIndex: ReadonlyMap<string, number>) {
  const { stops, shipments = [] } = problem
  const dimensions = problem.vehicles[0]?.capacity.length ?? 0
  const zeros = Array.from({ length: dimensions }, () => 0)
  const demand = Float64Array.from(stops.flatMap((stop) => stop.demand))
  const pickup = Float64Array.from(stops.flatMap((stop) => stop.pickup ?? zeros))
  const loadChange = pickup.map((amount, slot) => amount - demand[slot]!)
  const partner = new Int32Array(stops.length).fill(-1)
  const isDelivery = new Uint8Array(stops.length)
  for (const { pickupStop, deliveryStop, amount } of shipments) {
    const from = stopIndex.get(pickupStop)!
    const to = stopIndex.get(deliveryStop)!
    partner[from] = to
    partner[to] = from
    isDelivery[to] = 1
    for (let d = 0; d < dimensions; d++) {
      loadChange[from * dimensions + d]! += amount[d]!
      loadChange[to * dimensions + d]! -= amount[d]!
    }
  }
  const hasLoadProfile = loadChange.some((change) => change > 0)
  return { demand, pickup, loadChange, hasLoadProfile, partner, isDelivery }
}

/** A shipment weighs what both of its stops weigh; the pickup stands for it. */
function compileWeights(problem: Problem, stopIndex: ReadonlyMap<string, number>): Float64Array {
  const weight = Float64Array.from(problem.stops, (stop) => 1 + (stop.priority ?? 0))
  for (const { pickupStop, deliveryStop } of problem.shipments ?? []) {
    weight[stopIndex.get(pickupStop)!]! += weight[stopIndex.get(deliveryStop)!]!
  }
  return weight
}

function compilePlain(problem: Problem): Uint8Array {
  const needsProfile =
    (problem.shipments ?? []).length > 0 ||
    problem.stops.some((stop) => (stop.pickup ?? []).some((amount) => amount > 0))
  return Uint8Array.from(problem.vehicles, ({ breaks = [], maxTravelSeconds, costs }) => {
    const countsTravel = maxTravelSeconds !== undefined || (costs.perTravelSecond ?? 0) > 0
    return needsProfile || breaks.length > 0 || countsTravel ? 0 : 1
  })
}

function compileAnnouncements({ stops, vehicles, changePrices }: Problem): AnnouncementModel {
  const { otherVehicle = 0, otherPosition = 0, tolerance = 0 } = changePrices ?? {}
  const vehicleIndex = new Map(vehicles.map(({ id }, index) => [id, index]))
  const isPriced = otherVehicle + otherPosition > 0 && stops.some((stop) => stop.announced)
  return {
    isPriced,
    vehicle: Int32Array.from(stops, ({ announced }) => vehicleIndex.get(announced?.vehicleId ?? '') ?? -1),
    position: Int32Array.from(stops, ({ announced }) => Math.min(announced?.position ?? 0, FOREVER)),
    otherVehiclePrice: otherVehicle,
    otherPositionPrice: otherPosition,
    tolerance,
  }
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
        stop.demand.every((amount, dimension) => amount <= vehicle.capacity[dimension]!) &&
        (stop.pickup ?? []).every((amount, dimension) => amount <= vehicle.capacity[dimension]!)
      if (allowed) isAllowed[stopIndex * vehicles.length + vehicleIndex] = 1
    })
  })
  return isAllowed
}

function compileTwins(problem: Problem): Int32Array {
  const pinned = new Set(
    problem.stops.flatMap(({ vehicleIds = [], announced }) => [...vehicleIds, announced?.vehicleId ?? '']),
  )
  const numbers = new Map<string, number>()
  const matrixOf = numbering<Int32Array | undefined>()
  return Int32Array.from(problem.vehicles, (vehicle) => {
    const { id, lockedStops = [], skills = [], durationsSeconds, ...rest } = vehicle
    const own = pinned.has(id) || lockedStops.length > 0 ? id : null
    const key = JSON.stringify([own, skills.toSorted(), matrixOf(durationsSeconds), rest])
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
  const distance = compileLegs(placeCount, (from, to) => {
    if (from === nowhere || to === nowhere) return 0
    return problem.distancesMeters[locations[from]! * problem.locationCount + locations[to]!]!
  })
  const drivingOf = (vehicle: Vehicle, extra: (from: number, to: number) => number) => {
    const matrix = vehicle.durationsSeconds ?? problem.durationsSeconds
    const speedFactor = vehicle.speedFactor ?? 1
    return compileLegs(placeCount, (from, to) => {
      if (from === nowhere || to === nowhere) return extra(from, to)
      const seconds = matrix[locations[from]! * problem.locationCount + locations[to]!]!
      return Math.round(seconds / speedFactor) + extra(from, to)
    })
  }
  const { serviceSeconds, extraService } = compileService(problem, place.length)
  const hasSetups = stops.some((stop) => (stop.setupSeconds ?? 0) > 0)
  const setupOf = (from: number, to: number) =>
    locations[from] === locations[to] ? 0 : (stops[to]?.setupSeconds ?? 0)
  const numberOf = numbering<Int32Array | null | undefined>()
  const known = new Map<string, { duration: Legs; travel: Legs }>()
  const legs = vehicles.map((vehicle, index) => {
    const extra = extraService[index]!
    const { durationsSeconds, speedFactor = 1 } = vehicle
    const driving = `${numberOf(durationsSeconds)} ${speedFactor}`
    const key = `${driving} ${numberOf(extra)}`
    let both = known.get(key)
    if (both) return both
    const alike = [...known].find(([other]) => other.startsWith(`${driving} `))?.[1].travel
    const plain = alike ?? drivingOf(vehicle, () => 0)
    const travel = isEqual(plain.out, distance.out) ? distance : plain
    const added = (from: number, to: number) => setupOf(from, to) + (extra?.[from] ?? 0)
    both = { travel, duration: hasSetups || extra ? drivingOf(vehicle, added) : travel }
    known.set(key, both)
    return both
  })
  const duration = legs.map((each) => each.duration)
  const travel = legs.map((each) => each.travel)
  return { place, placeCount, serviceSeconds, extraService, distance, duration, travel }
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
function numbering<T>(): (thing: T) => number {
  const numbers = new Map<T, number>()
  return (thing) => {
    const number = numbers.get(thing) ?? numbers.size
    numbers.set(thing, number)
    return number
  }
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
  // Where both ways are equal, one array serves both: what the processor's cache holds decides the speed here.
  return { out, into: isEqual(out, into) ? out : into }
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}
