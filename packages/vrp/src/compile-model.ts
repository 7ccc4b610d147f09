import { compileBreaks } from './compile-breaks.ts'
import { compileTravel, numbering } from './compile-travel.ts'
import { type AnnouncementModel, FOREVER, type Model } from './model.ts'
import type { Problem } from './problem.ts'
import { relaxForLockedStops } from './relax-for-locked-stops.ts'
import { findShortcuts, NO_SHORTCUTS } from './shortcuts.ts'

/** What `compileTravel` makes of the matrices. */
type Travel = Pick<Model, keyof ReturnType<typeof compileTravel>>

/**
 * Compiles a valid problem. Limits give way to locked stops, see `relaxForLockedStops`. Whoever has compiled the same
 * stops and ways before can hand in what came of the matrices, which is nearly all of the work.
 */
export function compileModel(problem: Problem, travel: Travel = compileTravel(problem)): Model {
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
  const twin = compileTwins(problem)
  const model: Model = {
    stopCount: stops.length,
    vehicleCount: vehicles.length,
    nodeCount: stops.length + 2 * vehicles.length,
    dimensions: vehicles[0]?.capacity.length ?? 0,
    originSeconds,
    ...compileWindows(problem, originSeconds, isLocked),
    ...travelOf(travel),
    ...compileLoads(problem, stopIndex),
    weight: compileWeights(problem, stopIndex),
    isLocked,
    isFixed,
    isAllowed: compileAllowed(problem, twin),
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
    ...compilePlain(problem),
    shortcuts: NO_SHORTCUTS,
    breaks: compileBreaks(vehicles, originSeconds),
    announced: compileAnnouncements(problem),
    lockedStops,
    twin,
  }
  for (let vehicle = 0; vehicle < vehicles.length; vehicle++) relaxForLockedStops(model, vehicle)
  return { ...model, shortcuts: findShortcuts(model) }
}

function travelOf(travel: Travel): Travel {
  const { place, placeCount, serviceSeconds, extraService, distance, duration, travel: driving } = travel
  return { place, placeCount, serviceSeconds, extraService, distance, duration, travel: driving }
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

function compilePlain(problem: Problem) {
  const needsProfile =
    (problem.shipments ?? []).length > 0 ||
    problem.stops.some((stop) => (stop.pickup ?? []).some((amount) => amount > 0))
  const isPlainBesidesBreaks = Uint8Array.from(problem.vehicles, ({ maxTravelSeconds, costs }) => {
    const countsTravel = maxTravelSeconds !== undefined || (costs.perTravelSecond ?? 0) > 0
    return needsProfile || countsTravel ? 0 : 1
  })
  const isPlain = isPlainBesidesBreaks.map((isOtherwise, vehicle) => {
    return (problem.vehicles[vehicle]?.breaks ?? []).length > 0 ? 0 : isOtherwise
  })
  return { isPlain, isPlainBesidesBreaks }
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

/** Twins are allowed the same, so one of each kind is asked. */
function compileAllowed(problem: Problem, twin: Int32Array): Uint8Array {
  const { stops, vehicles } = problem
  const isAllowed = new Uint8Array(stops.length * vehicles.length)
  const skillSets = vehicles.map((vehicle) => new Set(vehicle.skills))
  const first = Int32Array.from(twin, (number) => twin.indexOf(number))
  stops.forEach((stop, stopIndex) => {
    const row = stopIndex * vehicles.length
    vehicles.forEach((vehicle, vehicleIndex) => {
      if (first[vehicleIndex] !== vehicleIndex) {
        isAllowed[row + vehicleIndex] = isAllowed[row + first[vehicleIndex]!]!
        return
      }
      const allowed =
        (stop.vehicleIds?.includes(vehicle.id) ?? true) &&
        (stop.skills ?? []).every((skill) => skillSets[vehicleIndex]!.has(skill)) &&
        stop.demand.every((amount, dimension) => amount <= vehicle.capacity[dimension]!) &&
        (stop.pickup ?? []).every((amount, dimension) => amount <= vehicle.capacity[dimension]!)
      if (allowed) isAllowed[row + vehicleIndex] = 1
    })
  })
  return isAllowed
}

function compileTwins(problem: Problem): Int32Array {
  const pinned = new Set(
    problem.stops.flatMap(({ vehicleIds = [], announced }) => [...vehicleIds, announced?.vehicleId ?? '']),
  )
  const numbers = new Map<string, number>()
  const matrixOf = numbering()
  return Int32Array.from(problem.vehicles, (vehicle) => {
    const { id, lockedStops = [], skills = [], durationsSeconds, ...rest } = vehicle
    const own = pinned.has(id) || lockedStops.length > 0 ? id : null
    const key = JSON.stringify([own, skills.toSorted(), matrixOf(durationsSeconds), rest])
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    return number
  })
}
