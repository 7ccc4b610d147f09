import {
  type Break,
  type Fault,
  InvalidProblemError,
  MAX_TIME_SPAN_SECONDS,
  type Problem,
  type Shipment,
  type Stop,
  type TimeSpan,
  type Vehicle,
} from './problem.ts'

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
  problem.shipments?.forEach((shipment, index) => {
    checkShipment(shipment, `shipments[${index}]`, problem, stopIds, dimensions, report)
  })
  checkShipmentsApart(problem, report)
  checkLocks(problem, stopIds, report)
  checkAnnouncements(problem, vehicleIds, report)
  checkTimeAxis(problem, report)
  if (faults.length > 0) throw new InvalidProblemError(faults)
}

function checkMatrices(problem: Problem, report: Report): void {
  if (!Number.isInteger(problem.locationCount) || problem.locationCount < 0) {
    report('locationCount', `must be an integer of at least 0, is ${problem.locationCount}`)
    return
  }
  for (const name of ['durationsSeconds', 'distancesMeters'] as const) {
    checkMatrix(problem[name], name, problem, report)
  }
  const seen = new Set<Int32Array>()
  problem.vehicles.forEach(({ durationsSeconds }, index) => {
    if (durationsSeconds === undefined || seen.has(durationsSeconds)) return
    seen.add(durationsSeconds)
    checkMatrix(durationsSeconds, `vehicles[${index}].durationsSeconds`, problem, report)
  })
}

function checkMatrix(matrix: Int32Array, path: string, { locationCount }: Problem, report: Report): void {
  const expected = locationCount ** 2
  if (!(matrix instanceof Int32Array)) report(path, 'must be an Int32Array')
  else if (matrix.length !== expected) report(path, `must hold ${expected} entries, holds ${matrix.length}`)
  else {
    const wrong = firstWrong(matrix)
    if (wrong >= 0) report(`${path}[${wrong}]`, `must be 0 to ${MAX_TIME_SPAN_SECONDS}, is ${matrix[wrong]}`)
  }
}

/**
 * Where the first leg is that is negative or too long, or -1. Mostly one look at the bits of all entries says that there
 * is none: they are on the way to the first plan, and there are millions of them.
 */
function firstWrong(matrix: Int32Array): number {
  let bits = 0
  for (let cell = 0; cell < matrix.length; cell++) bits |= matrix[cell]!
  if (bits >= 0 && bits < MAX_TIME_SPAN_SECONDS) return -1
  return matrix.findIndex((entry) => entry < 0 || entry > MAX_TIME_SPAN_SECONDS)
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
  for (const limit of ['maxTravelSeconds', 'maxMeters'] as const) {
    const value = vehicle[limit]
    if (value !== undefined && !(value >= 0)) report(`${path}.${limit}`, `must be at least 0, is ${value}`)
  }
  checkIds(`${path}.breaks`, vehicle.breaks ?? [], report)
  vehicle.breaks?.forEach((pause, index) => checkBreak(pause, `${path}.breaks[${index}]`, vehicle, report))
  for (const price of ['fixed', 'perMeter', 'perSecond', 'perTravelSecond'] as const) {
    checkPrice(vehicle.costs[price] ?? 0, `${path}.costs.${price}`, report)
  }
}

function checkStop(stop: Stop, path: string, problem: Problem, dimensions: number, report: Report): void {
  checkLocation(stop.location, `${path}.location`, problem, report)
  checkSeconds(stop.serviceSeconds, `${path}.serviceSeconds`, report)
  for (const [type, seconds] of Object.entries(stop.serviceSecondsByType ?? {})) {
    checkSeconds(seconds, `${path}.serviceSecondsByType.${type}`, report)
  }
  if (stop.setupSeconds !== undefined) checkSeconds(stop.setupSeconds, `${path}.setupSeconds`, report)
  checkAmounts(stop.demand, `${path}.demand`, dimensions, report)
  if (stop.pickup) checkAmounts(stop.pickup, `${path}.pickup`, dimensions, report)
  checkTimeWindows(stop.timeWindows, `${path}.timeWindows`, report)
  const priority = stop.priority ?? 0
  if (!(priority >= 0 && priority <= 100)) report(`${path}.priority`, `must be 0 to 100, is ${priority}`)
}

function checkTimeWindows(windows: readonly TimeSpan[], path: string, report: Report): void {
  if (windows.length === 0) report(path, 'must hold at least one window')
  windows.forEach((window, index) => {
    checkSpan(window, `${path}[${index}]`, report)
    const before = windows[index - 1]
    if (before && window[0] <= before[1]) {
      report(`${path}[${index}]`, `must start after the window before it ends at ${before[1]}`)
    }
  })
}

function checkBreak(pause: Break, path: string, { shift }: Vehicle, report: Report): void {
  checkTimeWindows(pause.timeWindows, `${path}.timeWindows`, report)
  checkSeconds(pause.serviceSeconds, `${path}.serviceSeconds`, report)
  const fits = pause.timeWindows.some(([start, end]) => {
    return Math.max(start, shift[0]) <= Math.min(end, shift[1] - pause.serviceSeconds)
  })
  if (!fits) report(path, `fits nowhere into the vehicle's shift from ${shift[0]} to ${shift[1]}`)
}

function checkShipment(
  shipment: Shipment,
  path: string,
  problem: Problem,
  stopIds: ReadonlyMap<string, number>,
  dimensions: number,
  report: Report,
): void {
  checkAmounts(shipment.amount, `${path}.amount`, dimensions, report)
  for (const half of ['pickupStop', 'deliveryStop'] as const) {
    const index = stopIds.get(shipment[half])
    if (index === undefined) report(`${path}.${half}`, `no stop has the id "${shipment[half]}"`)
    else {
      const { demand, pickup = [] } = problem.stops[index]!
      if ([...demand, ...pickup].some((amount) => amount !== 0)) {
        report(`${path}.${half}`, `stop "${shipment[half]}" must have no demand or pickup of its own`)
      }
    }
  }
  const owners = problem.vehicles.map(({ lockedStops = [] }) => [
    lockedStops.indexOf(shipment.pickupStop),
    lockedStops.indexOf(shipment.deliveryStop),
  ])
  for (const [pickup = -1, delivery = -1] of owners) {
    if (pickup >= 0 === delivery >= 0 && pickup <= delivery) continue
    report(path, 'must be locked as a whole, pickup first; goods on board are a stop with a demand')
  }
}

/** A stop belongs to one shipment at most. */
function checkShipmentsApart(problem: Problem, report: Report): void {
  const seen = new Set<string>()
  problem.shipments?.forEach((shipment, index) => {
    for (const half of ['pickupStop', 'deliveryStop'] as const) {
      if (seen.has(shipment[half]))
        report(`shipments[${index}].${half}`, `stop "${shipment[half]}" is already part of a shipment`)
      seen.add(shipment[half])
    }
  })
}

function checkAnnouncements(problem: Problem, vehicleIds: ReadonlyMap<string, number>, report: Report): void {
  problem.stops.forEach(({ announced }, index) => {
    if (!announced) return
    const path = `stops[${index}].announced`
    if (!vehicleIds.has(announced.vehicleId))
      report(`${path}.vehicleId`, `no vehicle has the id "${announced.vehicleId}"`)
    checkCount(announced.position, `${path}.position`, report)
  })
  if (!problem.changePrices) return
  const { otherVehicle, otherPosition, tolerance } = problem.changePrices
  checkPrice(otherVehicle, 'changePrices.otherVehicle', report)
  checkPrice(otherPosition, 'changePrices.otherPosition', report)
  checkCount(tolerance, 'changePrices.tolerance', report)
}

function checkPrice(price: number, path: string, report: Report): void {
  if (!(price >= 0 && Number.isFinite(price))) report(path, `must be at least 0, is ${price}`)
}

function checkCount(count: number, path: string, report: Report): void {
  if (!(Number.isSafeInteger(count) && count >= 0))
    report(path, `must be an integer of at least 0, is ${count}`)
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
