import {
  type Break,
  type Problem,
  type Stop,
  serviceSecondsOf,
  type TimeSpan,
  type Vehicle,
} from './problem.ts'
import type { UnassignedReason } from './solution.ts'

/** What `check.ts` derives from a problem alone. Like all of the checker, it shares no code with the search. */

/** The reason that a stop left out should carry; see `UnassignedReason` for what each means. */
export function soloReason(problem: Problem, stop: Stop): UnassignedReason {
  const shipment = problem.shipments?.find((each) => [each.pickupStop, each.deliveryStop].includes(stop.id))
  const visits = shipment
    ? [shipment.pickupStop, shipment.deliveryStop].map((id) => problem.stops.find((each) => each.id === id)!)
    : [stop]
  const isAllowed = ({ id }: Vehicle) => visits.every(({ vehicleIds }) => vehicleIds?.includes(id) ?? true)
  const hasSkills = ({ skills = [] }: Vehicle) =>
    visits.every((visit) => (visit.skills ?? []).every((skill) => skills.includes(skill)))
  const isLarge = ({ capacity }: Vehicle) =>
    capacity.every((limit, d) => {
      const amounts = [stop.demand[d]!, stop.pickup?.[d] ?? 0, shipment?.amount[d] ?? 0]
      return Math.max(...amounts) <= limit
    })
  const isOnTime = (vehicle: Vehicle) =>
    Number.isFinite(earliestEnd(problem, { ...vehicle, breaks: [] }, visits))
  const isInShift = (vehicle: Vehicle) => earliestEnd(problem, vehicle, visits) <= vehicle.shift[1]
  const isInLimits = (vehicle: Vehicle) => keepsLimits(problem, vehicle, visits)
  let vehicles = problem.vehicles
  for (const [reason, question] of [
    ['no_vehicle', isAllowed],
    ['skills', hasSkills],
    ['capacity', isLarge],
    ['time_window', isOnTime],
    ['shift', isInShift],
    ['vehicle_limit', isInLimits],
  ] as const) {
    vehicles = vehicles.filter(question)
    if (vehicles.length === 0) return reason
  }
  return 'fleet_full'
}

function keepsLimits(problem: Problem, vehicle: Vehicle, visits: readonly Stop[]): boolean {
  const locations = [vehicle.startLocation, ...visits.map((stop) => stop.location), vehicle.endLocation]
  const legs = locations.slice(1).map((to, index) => legBetween(problem, vehicle, locations[index]!, to))
  const total = (name: 'meters' | 'seconds') => legs.reduce((sum, leg) => sum + leg[name], 0)
  return (
    visits.length <= (vehicle.maxStops ?? visits.length) &&
    total('meters') <= (vehicle.maxMeters ?? Number.POSITIVE_INFINITY) &&
    total('seconds') <= (vehicle.maxTravelSeconds ?? Number.POSITIVE_INFINITY)
  )
}

interface Liberties {
  /** Stops may be served after their last window. */
  readonly isLocked?: boolean
  /** Breaks may start after their last window. */
  readonly areBreaksLate?: boolean
}

/** The earliest end of a route that leaves at the start of the shift, over all ways to take the breaks. */
export function earliestEnd(
  problem: Problem,
  vehicle: Vehicle,
  visits: readonly Stop[],
  liberties: Liberties = {},
): number {
  const { breaks = [], endLocation } = vehicle
  const continueFrom = (index: number, location: number | null, clock: number, taken: number): number => {
    const stop = visits[index]
    const leg = legBetween(problem, vehicle, location, stop ? stop.location : endLocation)
    let earliest = Number.POSITIVE_INFINITY
    let driving = leg.seconds
    let now = clock
    for (let count = taken; ; count++) {
      if (stop) {
        const ready = now + driving + (location === stop.location ? 0 : (stop.setupSeconds ?? 0))
        const begin = nextStart(stop.timeWindows, ready) ?? (liberties.isLocked ? ready : undefined)
        if (begin !== undefined) {
          const end = continueFrom(index + 1, stop.location, begin + serviceSecondsOf(stop, vehicle), count)
          earliest = Math.min(earliest, end)
        }
      } else if (count === breaks.length) earliest = Math.min(earliest, now + driving)
      const pause = breaks[count]
      const start = pause && breakStart(pause, now, liberties)
      if (start === undefined) return earliest
      driving = Math.max(0, driving - (start - now))
      now = start + pause!.serviceSeconds
    }
  }
  return continueFrom(0, vehicle.startLocation, vehicle.shift[0], 0)
}

function breakStart(pause: Break, ready: number, { areBreaksLate }: Liberties): number | undefined {
  return nextStart(pause.timeWindows, ready) ?? (areBreaksLate ? ready : undefined)
}

function nextStart(windows: readonly TimeSpan[], ready: number): number | undefined {
  const window = windows.find(([, end]) => end >= ready)
  return window && Math.max(ready, window[0])
}

export function legBetween(problem: Problem, vehicle: Vehicle, from: number | null, to: number | null) {
  if (from === null || to === null) return { seconds: 0, meters: 0 }
  const cell = from * problem.locationCount + to
  const matrix = vehicle.durationsSeconds ?? problem.durationsSeconds
  const seconds = Math.round(matrix[cell]! / (vehicle.speedFactor ?? 1))
  return { seconds, meters: problem.distancesMeters[cell]! }
}

/** Sums of floating-point prices depend on their order in the last digits. */
export function isSameCost(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))
}
