import type { Problem, Stop, Vehicle } from '../src/problem.ts'

/** A route tried out second by second: slow, and too simple to be wrong in the way that the search could be. */
export interface Trial {
  readonly endSeconds: number
  readonly cost: number
}

/** The schedule of a route that ends as early as possible and leaves as late as that allows; null if infeasible. */
export function tryRoute(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): Trial | null {
  if (sequence.length === 0) return { endSeconds: vehicle.shift[0], cost: 0 }
  const locked = (vehicle.lockedStops ?? []).length
  if (!isCompatible(vehicle, sequence, locked)) return null
  const endSeconds = endWhenLeavingAt(problem, vehicle, sequence, vehicle.shift[0])
  if (endSeconds === null) return null
  const lockedEnd =
    locked > 0 ? endWhenLeavingAt(problem, vehicle, sequence.slice(0, locked), vehicle.shift[0]) : null
  if (endSeconds > Math.max(vehicle.shift[1], lockedEnd ?? 0)) return null
  let startSeconds = vehicle.shift[0]
  while (endWhenLeavingAt(problem, vehicle, sequence, startSeconds + 1) === endSeconds) startSeconds++
  const { fixed, perMeter, perSecond } = vehicle.costs
  const cost =
    fixed + perMeter * metersOf(problem, vehicle, sequence) + perSecond * (endSeconds - startSeconds)
  return { endSeconds, cost }
}

/** The best way to serve a tiny problem: least weight left out, then least cost, over all plans that there are. */
export function bestPlan(problem: Problem): { absentWeight: number; cost: number } {
  let best = { absentWeight: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY }
  const sequences: Stop[][] = problem.vehicles.map(() => [])
  const visitVehicle = (index: number, left: readonly Stop[], cost: number): void => {
    const vehicle = problem.vehicles[index]
    if (!vehicle) {
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

function isCompatible(vehicle: Vehicle, sequence: readonly Stop[], locked: number): boolean {
  const added = sequence.slice(locked)
  if (added.some((stop) => stop.vehicleIds && !stop.vehicleIds.includes(vehicle.id))) return false
  if (added.some((stop) => stop.skills?.some((skill) => !vehicle.skills?.includes(skill)))) return false
  if (sequence.length > Math.max(vehicle.maxStops ?? sequence.length, locked)) return false
  const loadOf = (stops: readonly Stop[], d: number) =>
    stops.reduce((total, stop) => total + stop.demand[d]!, 0)
  return vehicle.capacity.every((limit, d) => {
    return loadOf(sequence, d) <= Math.max(limit, loadOf(sequence.slice(0, locked), d))
  })
}

function endWhenLeavingAt(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[], leave: number) {
  const locked = (vehicle.lockedStops ?? []).length
  let clock = leave
  let location = vehicle.startLocation
  for (const [index, stop] of sequence.entries()) {
    clock += secondsBetween(problem, vehicle, location, stop.location)
    if (location !== stop.location) clock += stop.setupSeconds ?? 0
    const lastEnd = stop.timeWindows.at(-1)![1]
    if (clock > lastEnd && index >= locked) return null
    while (clock <= lastEnd && !stop.timeWindows.some(([start, end]) => start <= clock && clock <= end))
      clock++
    clock += stop.serviceSeconds
    location = stop.location
  }
  return clock + secondsBetween(problem, vehicle, location, vehicle.endLocation)
}

function secondsBetween(problem: Problem, vehicle: Vehicle, from: number | null, to: number | null): number {
  if (from === null || to === null) return 0
  return Math.round(problem.durationsSeconds[from * problem.locationCount + to]! / (vehicle.speedFactor ?? 1))
}

function metersOf(problem: Problem, vehicle: Vehicle, sequence: readonly Stop[]): number {
  const locations = [vehicle.startLocation, ...sequence.map((stop) => stop.location), vehicle.endLocation]
  return locations.reduce<number>((total, to, index) => {
    const from = locations[index - 1] ?? null
    if (from === null || to === null) return total
    return total + problem.distancesMeters[from * problem.locationCount + to]!
  }, 0)
}
