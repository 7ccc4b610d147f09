import type { Problem, Stop, Vehicle } from '../src/problem.ts'

/** A route tried out second by second: slow, and too simple to be wrong in the way that the search could be. */
export interface Trial {
  readonly endSeconds: number
  readonly cost: number
}

/** The schedule of a route that ends as early as possible and leaves as late as that allows; null if infeasible. */
export function tryRoute(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): Trial | null {
  if (sequence.length === 0) return { endSeconds: vehicle.shift[0], cost: 0 }
  const lockedStops = sequence.slice(0, (vehicle.lockedStops ?? []).length)
  if (!isCompatible(problem, vehicle, sequence, lockedStops)) return null
  const relaxed = relaxBreaks(problem, vehicle, lockedStops)
  const endSeconds = endWhenLeavingAt(problem, relaxed, sequence, vehicle.shift[0])
  if (endSeconds === null) return null
  const lockedEnd =
    lockedStops.length > 0 ? endWhenLeavingAt(problem, relaxed, lockedStops, vehicle.shift[0]) : null
  if (endSeconds > Math.max(vehicle.shift[1], lockedEnd ?? 0)) return null
  let startSeconds = vehicle.shift[0]
  while (endWhenLeavingAt(problem, relaxed, sequence, startSeconds + 1) === endSeconds) startSeconds++
  const { fixed, perMeter, perSecond, perTravelSecond = 0 } = vehicle.costs
  const cost =
    fixed +
    perMeter * metersOf(problem, vehicle, sequence) +
    perTravelSecond * drivingOf(problem, vehicle, sequence) +
    perSecond * (endSeconds - startSeconds)
  return { endSeconds, cost: cost + priceOfChanges(problem, vehicle, sequence) }
}

/** Breaks may be late where the locked stops leave no room for them. */
function relaxBreaks(problem: Problem, vehicle: Vehicle, lockedStops: readonly Stop[]): Vehicle {
  if (lockedStops.length === 0) return vehicle
  if (endWhenLeavingAt(problem, vehicle, lockedStops, vehicle.shift[0]) !== null) return vehicle
  const breaks = vehicle.breaks?.map((pause) => {
    const last = pause.timeWindows.at(-1)!
    return { ...pause, timeWindows: [...pause.timeWindows.slice(0, -1), [last[0], 1e12] as const] }
  })
  return { ...vehicle, breaks }
}

function priceOfChanges(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): number {
  const { otherVehicle = 0, otherPosition = 0, tolerance = 0 } = problem.changePrices ?? {}
  let price = 0
  for (const [position, { announced }] of sequence.entries()) {
    if (announced && announced.vehicleId !== vehicle.id) price += otherVehicle
    else if (announced && Math.abs(position - announced.position) > tolerance) price += otherPosition
  }
  return price
}

/** The best way to serve a tiny problem: least weight left out, then least cost, over all plans that there are. */
export function bestPlan(problem: Problem): { absentWeight: number; cost: number } {
  let best = { absentWeight: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY }
  const sequences: Stop[][] = problem.vehicles.map(() => [])
  const visitVehicle = (index: number, left: readonly Stop[], cost: number): void => {
    const vehicle = problem.vehicles[index]
    if (!vehicle) {
      if (splitsShipment(problem, left)) return
      const absentWeight = left.reduce((total, stop) => total + 1 + (stop.priority ?? 0), 0)
      if (absentWeight < best.absentWeight || (absentWeight === best.absentWeight && cost < best.cost)) {
        best = { absentWeight, cost }
      }
      return
    }
    const sequence = sequences[index]!
    const trial = tryRoute(problem, vehicle, sequence)
    if (trial) visitVehicle(index + 1, left, cost + trial.cost)
    for (const stop of left) {
      sequence.push(stop)
      visitVehicle(
        index,
        left.filter((other) => other !== stop),
        cost,
      )
      sequence.pop()
    }
  }
  visitVehicle(0, problem.stops, 0)
  return best
}

function splitsShipment({ shipments = [] }: Problem, left: readonly Stop[]): boolean {
  const isLeft = (id: string) => left.some((stop) => stop.id === id)
  return shipments.some(({ pickupStop, deliveryStop }) => isLeft(pickupStop) !== isLeft(deliveryStop))
}

function isCompatible(
  problem: Problem,
  vehicle: Vehicle,
  sequence: readonly Stop[],
  lockedStops: readonly Stop[],
): boolean {
  const added = sequence.slice(lockedStops.length)
  if (added.some((stop) => stop.vehicleIds && !stop.vehicleIds.includes(vehicle.id))) return false
  if (added.some((stop) => stop.skills?.some((skill) => !vehicle.skills?.includes(skill)))) return false
  if (sequence.length > Math.max(vehicle.maxStops ?? sequence.length, lockedStops.length)) return false
  const isWithin = (limit: number | undefined, measure: (stops: readonly Stop[]) => number) =>
    limit === undefined || measure(sequence) <= Math.max(limit, measure(lockedStops))
  if (!isWithin(vehicle.maxMeters, (stops) => metersOf(problem, vehicle, stops))) return false
  if (!isWithin(vehicle.maxTravelSeconds, (stops) => drivingOf(problem, vehicle, stops))) return false
  for (const { pickupStop, deliveryStop } of problem.shipments ?? []) {
    const from = sequence.findIndex(({ id }) => id === pickupStop)
    const to = sequence.findIndex(({ id }) => id === deliveryStop)
    if (from >= 0 !== to >= 0 || from > to) return false
  }
  return vehicle.capacity.every((limit, d) => isWithin(limit, (stops) => mostOnBoard(problem, stops, d)))
}

/** The largest load of any leg, each summed up from scratch. */
function mostOnBoard({ shipments = [] }: Problem, stops: readonly Stop[], d: number): number {
  const loads = Array.from({ length: stops.length + 1 }, (_, leg) => {
    const demands = stops.slice(leg).reduce((sum, stop) => sum + stop.demand[d]!, 0)
    const pickups = stops.slice(0, leg).reduce((sum, stop) => sum + (stop.pickup?.[d] ?? 0), 0)
    const isPast = (id: string) => stops.slice(0, leg).some((stop) => stop.id === id)
    const carried = shipments.filter((each) => isPast(each.pickupStop) && !isPast(each.deliveryStop))
    return demands + pickups + carried.reduce((sum, each) => sum + each.amount[d]!, 0)
  })
  return Math.max(...loads)
}

/** Tries every way to lay the breaks on the legs. */
function endWhenLeavingAt(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[], leave: number) {
  let best: number | null = null
  for (const legs of layouts((vehicle.breaks ?? []).length, sequence.length + 1)) {
    const end = endWithLayout(problem, vehicle, sequence, leave, legs)
    if (end !== null && (best === null || end < best)) best = end
  }
  return best
}

/** All ascending choices of a leg for each break. */
function layouts(breaks: number, legs: number, first = 0): number[][] {
  if (breaks === 0) return [[]]
  const starts = Array.from({ length: legs - first }, (_, index) => first + index)
  return starts.flatMap((leg) => layouts(breaks - 1, legs, leg).map((rest) => [leg, ...rest]))
}

function endWithLayout(
  problem: Problem,
  vehicle: Vehicle,
  sequence: readonly Stop[],
  leave: number,
  legOfBreak: readonly number[],
): number | null {
  const locked = (vehicle.lockedStops ?? []).length
  let clock = leave
  let location = vehicle.startLocation
  const drive = (leg: number, to: number | null): boolean => {
    let driving = secondsBetween(problem, vehicle, location, to)
    for (const [index, pause] of (vehicle.breaks ?? []).entries()) {
      if (legOfBreak[index] !== leg) continue
      while (!pause.timeWindows.some(([start, end]) => start <= clock && clock <= end)) {
        if (clock > pause.timeWindows.at(-1)![1]) return false
        clock++
        driving = Math.max(0, driving - 1)
      }
      clock += pause.serviceSeconds
    }
    clock += driving
    return true
  }
  for (const [index, stop] of sequence.entries()) {
    if (!drive(index, stop.location)) return null
    if (location !== stop.location) clock += stop.setupSeconds ?? 0
    const lastEnd = stop.timeWindows.at(-1)![1]
    if (clock > lastEnd && index >= locked) return null
    while (clock <= lastEnd && !stop.timeWindows.some(([start, end]) => start <= clock && clock <= end))
      clock++
    clock += stop.serviceSecondsByType?.[vehicle.type ?? ''] ?? stop.serviceSeconds
    location = stop.location
  }
  return drive(sequence.length, vehicle.endLocation) ? clock : null
}

function drivingOf(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): number {
  if (sequence.length === 0) return 0
  const locations = [vehicle.startLocation, ...sequence.map((stop) => stop.location), vehicle.endLocation]
  return locations.slice(1).reduce<number>((total, to, index) => {
    return total + secondsBetween(problem, vehicle, locations[index]!, to)
  }, 0)
}

function secondsBetween(problem: Problem, vehicle: Vehicle, from: number | null, to: number | null): number {
  if (from === null || to === null) return 0
  const matrix = vehicle.durationsSeconds ?? problem.durationsSeconds
  return Math.round(matrix[from * problem.locationCount + to]! / (vehicle.speedFactor ?? 1))
}

function metersOf(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): number {
  if (sequence.length === 0) return 0
  const locations = [vehicle.startLocation, ...sequence.map((stop) => stop.location), vehicle.endLocation]
  return locations.reduce<number>((total, to, index) => {
    const from = locations[index - 1] ?? null
    if (from === null || to === null) return total
    return total + problem.distancesMeters[from * problem.locationCount + to]!
  }, 0)
}
