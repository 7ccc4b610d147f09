import type { Problem, Stop, Vehicle } from './problem.ts'
import type { UnassignedStop } from './solution.ts'

type Explanation = Omit<UnassignedStop, 'id'>

/**
 * Says why a stop was left out, by asking what each vehicle could do with no other work. Each question is put
 * only to the vehicles that passed the one before; the first question that none passes is the reason.
 */
export function explainUnassigned(problem: Problem, stop: Stop): UnassignedStop {
  const allowed = problem.vehicles.filter((vehicle) => stop.vehicleIds?.includes(vehicle.id) ?? true)
  if (allowed.length === 0) return { id: stop.id, ...explainNoVehicle(problem) }
  const skilled = allowed.filter((vehicle) => missingSkills(stop, vehicle).length === 0)
  if (skilled.length === 0) return { id: stop.id, ...explainSkills(stop, allowed) }
  const large = skilled.filter((vehicle) => stop.demand.every((amount, d) => amount <= vehicle.capacity[d]!))
  if (large.length === 0) return { id: stop.id, ...explainCapacity(stop, skilled) }
  const trips = large.map((vehicle) => tripAlone(problem, stop, vehicle))
  const inTime = trips.filter((trip) => trip.startSeconds !== undefined)
  if (inTime.length === 0) return { id: stop.id, ...explainTimeWindow(stop, trips) }
  const inShift = inTime.filter((trip) => trip.lateSeconds <= 0)
  if (inShift.length === 0) return { id: stop.id, ...explainShift(inTime) }
  return {
    id: stop.id,
    reason: 'fleet_full',
    detail: `${count(inShift.length, 'vehicle')} could serve this stop alone, but the other stops occupy the fleet.`,
  }
}

interface Trip {
  readonly vehicleId: string
  /** When the vehicle is set up at the stop after leaving at the start of its shift. */
  readonly readySeconds: number
  /** When the service then starts; undefined after the last window. */
  readonly startSeconds: number | undefined
  /** By how much the vehicle would overrun its shift. */
  readonly lateSeconds: number
}

/** The earliest visit of the stop by a vehicle that does nothing else. */
function tripAlone(problem: Problem, stop: Stop, vehicle: Vehicle): Trip {
  const setupSeconds = vehicle.startLocation === stop.location ? 0 : (stop.setupSeconds ?? 0)
  const wayThere = drivingSeconds(problem, vehicle, vehicle.startLocation, stop.location)
  const readySeconds = vehicle.shift[0] + wayThere + setupSeconds
  const window = stop.timeWindows.find(([, end]) => readySeconds <= end)
  const startSeconds = window && Math.max(window[0], readySeconds)
  const wayBack = drivingSeconds(problem, vehicle, stop.location, vehicle.endLocation)
  const endSeconds = (startSeconds ?? readySeconds) + stop.serviceSeconds + wayBack
  return { vehicleId: vehicle.id, readySeconds, startSeconds, lateSeconds: endSeconds - vehicle.shift[1] }
}

function drivingSeconds(problem: Problem, vehicle: Vehicle, from: number | null, to: number | null): number {
  if (from === null || to === null) return 0
  return Math.round(problem.durationsSeconds[from * problem.locationCount + to]! / (vehicle.speedFactor ?? 1))
}

function missingSkills(stop: Stop, vehicle: Vehicle): string[] {
  return (stop.skills ?? []).filter((skill) => !vehicle.skills?.includes(skill))
}

function explainNoVehicle(problem: Problem): Explanation {
  const detail =
    problem.vehicles.length === 0
      ? 'There are no vehicles.'
      : 'The stop allows no vehicle: its vehicleIds are empty.'
  return { reason: 'no_vehicle', detail }
}

function explainSkills(stop: Stop, vehicles: readonly Vehicle[]): Explanation {
  const closest = least(vehicles, (vehicle) => missingSkills(stop, vehicle).length)
  const missing = missingSkills(stop, closest).join(', ')
  return {
    reason: 'skills',
    detail: `No allowed vehicle has every skill; the closest, ${closest.id}, lacks ${missing}.`,
  }
}

function explainCapacity(stop: Stop, vehicles: readonly Vehicle[]): Explanation {
  const excess = (vehicle: Vehicle) =>
    Math.max(...stop.demand.map((amount, d) => amount - vehicle.capacity[d]!))
  const closest = least(vehicles, excess)
  const needs = `needs [${stop.demand.join(', ')}]`
  const carries = `the closest vehicle, ${closest.id}, carries [${closest.capacity.join(', ')}]`
  return { reason: 'capacity', detail: `The stop ${needs}; ${carries}.` }
}

function explainTimeWindow(stop: Stop, trips: readonly Trip[]): Explanation {
  const first = least(trips, (trip) => trip.readySeconds)
  const end = stop.timeWindows.at(-1)![1]
  return {
    reason: 'time_window',
    detail: `The first vehicle, ${first.vehicleId}, could start at ${first.readySeconds} s; the last window ends at ${end} s.`,
  }
}

function explainShift(trips: readonly Trip[]): Explanation {
  const closest = least(trips, (trip) => trip.lateSeconds)
  const overrun = `would end its shift ${closest.lateSeconds} s late`
  return {
    reason: 'shift',
    detail: `The closest vehicle, ${closest.vehicleId}, ${overrun} with this stop alone.`,
  }
}

function least<T>(items: readonly T[], key: (item: T) => number): T {
  return items.reduce((best, item) => (key(item) < key(best) ? item : best))
}

function count(amount: number, noun: string): string {
  return amount === 1 ? `1 ${noun}` : `${amount} ${noun}s`
}
