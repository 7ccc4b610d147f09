import type { Vehicle as Driver, Problem, Shipment, Stop, TimeSpan } from '@urbanbloom/vrp/problem'
import { InvalidRequestError } from './faults.ts'
import { shiftsOf } from './horizon.ts'
import { type Pricing, priceLegs } from './price-legs.ts'
import { type PreparedRequest, type Task, type Vehicle, type Window } from './request.ts'

/** A request in the optimizer's terms. Vehicles carry their place in the request as ids, stops the keys of tasks. */
export type Translation = {
  readonly problem: Problem
  /** By vehicle of the request. */
  readonly shifts: readonly Window[]
}

/**
 * Vehicles that cannot serve anything (no task allowed, or a break that fits nowhere) are left out: VROOM gives them no
 * route. Setups, which VROOM counts into a window and the optimizer before it, become part of the service; see
 * `stopOf` for tasks that share a place.
 */
export function toProblem(request: PreparedRequest): Translation {
  const shifts = shiftsOf(request)
  const usable = [...request.vehicles.entries()].filter(([index, vehicle]) =>
    isUsable(vehicle, shifts[index]!),
  )
  refuseBreaksByLoad(usable.map(([, vehicle]) => vehicle))
  const pricing = priceLegs(
    request,
    usable.map(([, vehicle]) => vehicle),
  )
  const [profile] = request.matrices.keys()
  const base = request.matrices.get(usable[0]?.[1].profile ?? profile!)!.durations
  const anyTime: TimeSpan = [
    shifts.reduce((least, [start]) => Math.min(least, start), Number.POSITIVE_INFINITY),
    shifts.reduce((most, [, end]) => Math.max(most, end), 0),
  ]
  const crowded = crowdedRows(request)
  return {
    shifts,
    problem: {
      locationCount: request.size,
      durationsSeconds: base,
      distancesMeters: pricing.matrix,
      stops: request.tasks.map((task) => stopOf(task, crowded, anyTime)),
      vehicles: usable.map(([index, vehicle], position) =>
        driverOf(request, vehicle, { index, position, shift: shifts[index]!, pricing, base }),
      ),
      shipments: request.tasks.filter(({ kind }) => kind === 'pickup').map(toShipment),
    },
  }
}

function isUsable({ breaks, maxTasks }: Vehicle, shift: Window): boolean {
  const fits = breaks.every(({ windows, service }) =>
    (windows ?? [shift]).some(
      ([start, end]) => Math.max(start, shift[0]) <= Math.min(end, shift[1] - service),
    ),
  )
  return fits && maxTasks !== 0 && shift[0] <= shift[1]
}

/** The optimizer plans breaks by time alone, so a load limit is taken only where it says nothing. */
function refuseBreaksByLoad(vehicles: readonly Vehicle[]): void {
  for (const { breaks, capacity } of vehicles) {
    const limiting = breaks.find(({ maxLoad }) => maxLoad?.some((most, d) => most < capacity[d]!))
    if (limiting === undefined) continue
    const message = 'below the capacity is understood in plan mode only'
    throw new InvalidRequestError([{ path: `${limiting.path}.max_load`, message }])
  }
}

/** The rows at which a task may follow without driving: another task is there, or a vehicle starts there. */
function crowdedRows({ tasks, vehicles }: PreparedRequest): Set<number> {
  const seen = new Set(vehicles.flatMap(({ start }) => (start === null ? [] : [start.row])))
  const crowded = new Set<number>()
  for (const { place } of tasks) {
    if (seen.has(place.row)) crowded.add(place.row)
    seen.add(place.row)
  }
  return crowded
}

/**
 * A window of VROOM's is for the start of the setup. Where nothing else happens at the place, the setup is always paid
 * and simply belongs to the service. Elsewhere it stays a setup, which a vehicle that already stands there skips, and
 * the windows shrink by it on their early side, so that they hold both with it and without; a window too short for
 * that, or a setup that depends on the type of vehicle, makes it part of the service there too.
 */
function stopOf(task: Task, crowded: ReadonlySet<number>, anyTime: TimeSpan): Stop {
  const { setup, service, setupPerType, servicePerType, windows } = task
  const isByType = Object.keys(setupPerType).length > 0
  const canSkip = crowded.has(task.place.row) && setup > 0 && !isByType
  const fits = windows === null || windows.every(([start, end]) => end - start >= setup)
  const isApart = canSkip && fits
  const types = new Set([...Object.keys(setupPerType), ...Object.keys(servicePerType)])
  const secondsOf = (type: string) => {
    const own = (perType: Readonly<Record<string, number>>, common: number) =>
      Object.hasOwn(perType, type) ? perType[type]! : common
    return own(servicePerType, service) + (isApart ? 0 : own(setupPerType, setup))
  }
  const isHalf = task.kind !== 'job'
  const nothing = task.delivery.map(() => 0)
  return {
    id: task.key,
    location: task.place.row,
    serviceSeconds: service + (isApart ? 0 : setup),
    ...(isApart && { setupSeconds: setup }),
    ...(types.size > 0 && {
      serviceSecondsByType: Object.fromEntries([...types].map((type) => [type, secondsOf(type)])),
    }),
    demand: isHalf ? nothing : task.delivery,
    ...(!isHalf && task.pickup.some((amount) => amount > 0) && { pickup: task.pickup }),
    timeWindows:
      windows === null ? [anyTime] : windows.map(([start, end]) => [start + (isApart ? setup : 0), end]),
    skills: task.skills.map(String),
    priority: task.priority,
  }
}

function driverOf(
  request: PreparedRequest,
  vehicle: Vehicle,
  given: { index: number; position: number; shift: Window; pricing: Pricing; base: Int32Array },
): Driver {
  const { durations } = request.matrices.get(vehicle.profile)!
  const maxMeters = given.pricing.maxMeters[given.position]
  return {
    id: String(given.index),
    ...(vehicle.type !== undefined && { type: vehicle.type }),
    ...(durations !== given.base && { durationsSeconds: durations }),
    startLocation: vehicle.start?.row ?? null,
    endLocation: vehicle.end?.row ?? null,
    capacity: vehicle.capacity,
    shift: given.shift,
    skills: vehicle.skills.map(String),
    ...(vehicle.maxTasks !== null && { maxStops: vehicle.maxTasks }),
    ...(vehicle.maxTravelTime !== null && { maxTravelSeconds: vehicle.maxTravelTime }),
    ...(maxMeters !== undefined && { maxMeters }),
    breaks: vehicle.breaks.map(({ id, service, windows }) => ({
      id: String(id),
      serviceSeconds: service,
      timeWindows: windows ?? [given.shift],
    })),
    costs: given.pricing.costs[given.position]!,
    speedFactor: vehicle.speedFactor,
  }
}

function toShipment({ key, partner, pickup }: Task): Shipment {
  return { pickupStop: key, deliveryStop: partner!, amount: pickup }
}
