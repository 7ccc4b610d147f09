/** A span of seconds on the problem's time axis; both ends belong to it. */
export type TimeSpan = readonly [startSeconds: number, endSeconds: number]

/** A place to visit once, or to leave out with a reason. */
export interface Stop {
  readonly id: string
  /** Index into the matrices. */
  readonly location: number
  readonly serviceSeconds: number
  /** Parking and unloading before the service; skipped when the vehicle already stands at this location. */
  readonly setupSeconds?: number
  /** What the stop takes of each capacity dimension, in the order of `Vehicle.capacity`. */
  readonly demand: readonly number[]
  /** The service starts within one of these; ascending and disjoint. A vehicle may wait for the next. */
  readonly timeWindows: readonly TimeSpan[]
  /** The vehicle needs all of them. */
  readonly skills?: readonly string[]
  /** 0 to 100. Leaving a stop out weighs `1 + priority`; the plan leaves out the least total weight. */
  readonly priority?: number
  /** Only these vehicles may serve the stop. Absent: any vehicle; empty: none. */
  readonly vehicleIds?: readonly string[]
}

/** What using a vehicle costs, in any one unit of money. */
export interface VehicleCosts {
  /** Paid once when the vehicle serves at least one stop. */
  readonly fixed: number
  readonly perMeter: number
  /** Paid for the whole time from leaving the start to reaching the end: driving, waiting and serving. */
  readonly perSecond: number
}

/** A vehicle with its driver, for one shift. */
export interface Vehicle {
  readonly id: string
  /** Index into the matrices; null means that the route begins at its first stop. */
  readonly startLocation: number | null
  /** Index into the matrices; null means that the route ends at its last stop. */
  readonly endLocation: number | null
  readonly capacity: readonly number[]
  readonly shift: TimeSpan
  readonly skills?: readonly string[]
  readonly maxStops?: number
  readonly costs: VehicleCosts
  /** 1 drives at the matrix's speed, 0.5 takes twice as long; each leg is rounded to whole seconds. */
  readonly speedFactor?: number
  /**
   * Ids of the stops that stay first on this vehicle, in this order. They are commitments: they are served
   * even when late, over capacity or past the shift, but nothing is added that makes any of this worse.
   */
  readonly lockedStops?: readonly string[]
}

/** A routing problem. Matrices are row-major: the leg from `a` to `b` is at `a * locationCount + b`. */
export interface Problem {
  readonly locationCount: number
  readonly durationsSeconds: Int32Array
  readonly distancesMeters: Int32Array
  readonly stops: readonly Stop[]
  readonly vehicles: readonly Vehicle[]
}

/** One thing wrong with a problem: where, and what to do about it. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** Thrown for a problem that cannot be understood. `faults` lists everything wrong with it. */
export class InvalidProblemError extends Error {
  override readonly name = 'InvalidProblemError'
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    const lines = faults.map((fault) => `${fault.path}: ${fault.message}`)
    super(`The routing problem has ${faults.length} fault(s):\n${lines.join('\n')}`)
    this.faults = faults
  }
}

/** Leaves room to add two times in 32 bits. */
export const MAX_TIME_SPAN_SECONDS = 2 ** 29

type Report = (path: string, message: string) => void

/** Checks the whole problem and throws one `InvalidProblemError` that lists every fault with its path. */
export function validateProblem(problem: Problem): void {
  const faults: Fault[] = []
  const report: Report = (path, message) => faults.push({ path, message })
  checkMatrices(problem, report)
  const dimensions = (problem.vehicles[0]?.capacity ?? problem.stops[0]?.demand ?? []).length
  const vehicleIds = checkIds('vehicles', problem.vehicles, report)
  const stopIds = checkIds('stops', problem.stops, report)
  problem.vehicles.forEach((vehicle, index) => {
    checkVehicle(vehicle, `vehicles[${index}]`, problem, dimensions, report)
  })
  problem.stops.forEach((stop, index) => {
    checkStop(stop, `stops[${index}]`, problem, dimensions, report)
    stop.vehicleIds?.forEach((id, position) => {
      if (!vehicleIds.has(id))
        report(`stops[${index}].vehicleIds[${position}]`, `no vehicle has the id "${id}"`)
    })
  })
  checkLocks(problem, stopIds, report)
  checkTimeAxis(problem, report)
  if (faults.length > 0) throw new InvalidProblemError(faults)
}

function checkMatrices(problem: Problem, report: Report): void {
  if (!Number.isInteger(problem.locationCount) || problem.locationCount < 0) {
    report('locationCount', `must be an integer of at least 0, is ${problem.locationCount}`)
    return
  }
  for (const name of ['durationsSeconds', 'distancesMeters'] as const) {
    const matrix = problem[name]
    const expected = problem.locationCount ** 2
    if (!(matrix instanceof Int32Array)) report(name, 'must be an Int32Array')
    else if (matrix.length !== expected) report(name, `must hold ${expected} entries, holds ${matrix.length}`)
    else {
      const wrong = matrix.findIndex((entry) => entry < 0 || entry > MAX_TIME_SPAN_SECONDS)
      if (wrong >= 0)
        report(`${name}[${wrong}]`, `must be 0 to ${MAX_TIME_SPAN_SECONDS}, is ${matrix[wrong]}`)
    }
  }
}

function checkIds(
  list: string,
  items: readonly { readonly id: string }[],
  report: Report,
): Map<string, number> {
  const seen = new Map<string, number>()
  items.forEach((item, index) => {
    const first = seen.get(item.id)
    if (first !== undefined)
      report(`${list}[${index}].id`, `"${item.id}" is also the id of ${list}[${first}]`)
    else seen.set(item.id, index)
  })
  return seen
}

function checkVehicle(
  vehicle: Vehicle,
  path: string,
  problem: Problem,
  dimensions: number,
  report: Report,
): void {
  for (const end of ['startLocation', 'endLocation'] as const) {
    const location = vehicle[end]
    if (location !== null) checkLocation(location, `${path}.${end}`, problem, report)
  }
  checkAmounts(vehicle.capacity, `${path}.capacity`, dimensions, report)
  checkSpan(vehicle.shift, `${path}.shift`, report)
  if (vehicle.maxStops !== undefined && (!Number.isInteger(vehicle.maxStops) || vehicle.maxStops < 1)) {
    report(`${path}.maxStops`, `must be an integer of at least 1, is ${vehicle.maxStops}`)
  }
  if (vehicle.speedFactor !== undefined && !(vehicle.speedFactor >= 0.01 && vehicle.speedFactor <= 100)) {
    report(`${path}.speedFactor`, `must be 0.01 to 100, is ${vehicle.speedFactor}`)
  }
  for (const price of ['fixed', 'perMeter', 'perSecond'] as const) {
    const value = vehicle.costs[price]
    if (!(value >= 0 && Number.isFinite(value)))
      report(`${path}.costs.${price}`, `must be at least 0, is ${value}`)
  }
}

function checkStop(stop: Stop, path: string, problem: Problem, dimensions: number, report: Report): void {
  checkLocation(stop.location, `${path}.location`, problem, report)
  checkSeconds(stop.serviceSeconds, `${path}.serviceSeconds`, report)
  if (stop.setupSeconds !== undefined) checkSeconds(stop.setupSeconds, `${path}.setupSeconds`, report)
  checkAmounts(stop.demand, `${path}.demand`, dimensions, report)
  if (stop.timeWindows.length === 0) report(`${path}.timeWindows`, 'must hold at least one window')
  stop.timeWindows.forEach((window, index) => {
    checkSpan(window, `${path}.timeWindows[${index}]`, report)
    const before = stop.timeWindows[index - 1]
    if (before && window[0] <= before[1]) {
      report(`${path}.timeWindows[${index}]`, `must start after the window before it ends at ${before[1]}`)
    }
  })
  const priority = stop.priority ?? 0
  if (!(priority >= 0 && priority <= 100)) report(`${path}.priority`, `must be 0 to 100, is ${priority}`)
}

function checkLocks(problem: Problem, stopIds: ReadonlyMap<string, number>, report: Report): void {
  const lockedBy = new Map<string, string>()
  problem.vehicles.forEach((vehicle, index) => {
    vehicle.lockedStops?.forEach((id, position) => {
      const path = `vehicles[${index}].lockedStops[${position}]`
      const stop = problem.stops[stopIds.get(id) ?? -1]
      if (!stop) report(path, `no stop has the id "${id}"`)
      else if (stop.vehicleIds && !stop.vehicleIds.includes(vehicle.id)) {
        report(path, `stop "${id}" may not be served by vehicle "${vehicle.id}": see its vehicleIds`)
      }
      const other = lockedBy.get(id)
      if (other !== undefined) report(path, `stop "${id}" is already locked by ${other}`)
      else lockedBy.set(id, path)
    })
  })
}

function checkTimeAxis(problem: Problem, report: Report): void {
  let earliest = Number.POSITIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY
  for (const [start, end] of problem.vehicles.map((vehicle) => vehicle.shift)) {
    earliest = Math.min(earliest, start)
    latest = Math.max(latest, end)
  }
  if (latest - earliest > MAX_TIME_SPAN_SECONDS) {
    report('vehicles', `shifts must lie within ${MAX_TIME_SPAN_SECONDS} s of each other`)
  }
}

function checkLocation(location: number, path: string, problem: Problem, report: Report): void {
  if (Number.isInteger(location) && location >= 0 && location < problem.locationCount) return
  report(path, `must be a location index from 0 to ${problem.locationCount - 1}, is ${location}`)
}

function checkAmounts(amounts: readonly number[], path: string, dimensions: number, report: Report): void {
  if (amounts.length !== dimensions)
    report(path, `must have ${dimensions} dimension(s), has ${amounts.length}`)
  amounts.forEach((amount, index) => {
    if (Number.isSafeInteger(amount) && amount >= 0) return
    report(`${path}[${index}]`, `must be an integer of at least 0, is ${amount}`)
  })
}

function checkSeconds(seconds: number, path: string, report: Report): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_TIME_SPAN_SECONDS) return
  report(path, `must be whole seconds from 0 to ${MAX_TIME_SPAN_SECONDS}, is ${seconds}`)
}

function checkSpan(span: TimeSpan, path: string, report: Report): void {
  const [start, end] = span
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) {
    report(path, `must be two whole numbers of seconds, is [${start}, ${end}]`)
  } else if (end < start) report(path, `must not end before it starts, is [${start}, ${end}]`)
}
