import { reach, serve } from './break-schedule.ts'
import { compileModel } from './compile-model.ts'
import { endNode, FOREVER, firstStart, type Model, startNode } from './model.ts'
import type { Problem, Stop, Vehicle } from './problem.ts'
import type { UnassignedStop } from './solution.ts'

type Explanation = Omit<UnassignedStop, 'id'>

/** Vehicles that are alike but for their ids, of which the first is asked. */
interface Kind {
  readonly vehicle: Vehicle
  /** Its index among all vehicles. */
  readonly number: number
  readonly count: number
}

/** Says why stops, given by index into a compiled problem, were left out. */
export function explainUnassigned(
  problem: Problem,
  model: Model,
  leftOut: readonly number[],
): UnassignedStop[] {
  if (leftOut.length === 0) return []
  const alone = withoutLockedStops(problem, model)
  const kinds = kindsOf(problem, alone)
  return leftOut.map((stop) => ({ id: problem.stops[stop]!.id, ...explain(problem, alone, kinds, stop) }))
}

/** Locked stops stretch the limits of their vehicle, but only for themselves. */
function withoutLockedStops(problem: Problem, model: Model): Model {
  if (model.lockedStops.every((locked) => locked.length === 0)) return model
  const vehicles = problem.vehicles.map((vehicle) => ({ ...vehicle, lockedStops: [] }))
  return compileModel({ ...problem, vehicles }, model)
}

function kindsOf({ vehicles }: Problem, { twin }: Model): Kind[] {
  const counts = new Map<number, number>()
  for (const number of twin) counts.set(number, (counts.get(number) ?? 0) + 1)
  return vehicles
    .map((vehicle, number) => ({ vehicle, number, count: counts.get(twin[number]!)! }))
    .filter(({ number }) => twin.indexOf(twin[number]!) === number)
}

/**
 * Asks what each kind of vehicle could do with no other work. Each question is put only to those that passed the one
 * before; the first question that none passes is the reason. A shipment is asked about as a whole.
 */
function explain(problem: Problem, model: Model, kinds: readonly Kind[], index: number): Explanation {
  const indices = visitsOf(model, index)
  const visits = indices.map((each) => problem.stops[each]!)
  const isAllowed = ({ vehicle: { id } }: Kind) =>
    visits.every(({ vehicleIds }) => vehicleIds?.includes(id) ?? true)
  const allowed = kinds.filter(isAllowed)
  if (allowed.length === 0) return explainNoVehicle(problem)
  const skilled = allowed.filter(({ vehicle }) => missingSkills(visits, vehicle).length === 0)
  if (skilled.length === 0) return explainSkills(visits, vehiclesOf(allowed))
  const load = largestLoad(problem, model, index)
  const large = skilled.filter(({ vehicle }) => load.every((amount, d) => amount <= vehicle.capacity[d]!))
  if (large.length === 0) return explainCapacity(load, vehiclesOf(skilled))
  const trips = large.map((kind) => tripAlone(problem, model, indices, kind))
  const inTime = trips.filter((trip) => trip.lateAt === undefined)
  if (inTime.length === 0) return explainTimeWindow(trips)
  const inShift = inTime.filter((trip) => trip.overrunSeconds <= 0)
  if (inShift.length === 0) return explainShift(inTime)
  const inLimits = inShift.filter((trip) => trip.excess === undefined)
  if (inLimits.length === 0) return { reason: 'vehicle_limit', detail: inShift[0]!.excess! }
  const able = inLimits.reduce((sum, trip) => sum + trip.count, 0)
  return {
    reason: 'fleet_full',
    detail: `${count(able, 'vehicle')} could serve this stop alone, but the other stops occupy the fleet.`,
  }
}

function vehiclesOf(kinds: readonly Kind[]): Vehicle[] {
  return kinds.map(({ vehicle }) => vehicle)
}

/** The stop, or both stops of its shipment in their order. */
function visitsOf(model: Model, stop: number): number[] {
  const partner = model.partner[stop]!
  if (partner < 0) return [stop]
  return model.isDelivery[stop] === 1 ? [partner, stop] : [stop, partner]
}

function largestLoad(problem: Problem, model: Model, index: number): number[] {
  const { demand, pickup } = problem.stops[index]!
  return demand.map((amount, d) => {
    const shipped = model.partner[index]! < 0 ? 0 : Math.abs(model.loadChange[index * model.dimensions + d]!)
    return Math.max(amount, pickup?.[d] ?? 0, shipped)
  })
}

/** The earliest trip of a vehicle that does nothing else. */
interface Trip {
  /** How many vehicles could make it. */
  readonly count: number
  readonly vehicleId: string
  /** The first stop that it reaches too late, and when. */
  readonly lateAt: { readonly stop: Stop; readonly readySeconds: number } | undefined
  /** By how much it would overrun its shift, breaks included; infinite when the breaks do not fit. */
  readonly overrunSeconds: number
  /** The limit that it would exceed, as a sentence. */
  readonly excess: string | undefined
}

function tripAlone(problem: Problem, model: Model, indices: readonly number[], kind: Kind): Trip {
  const { vehicle, number } = kind
  const chain = [startNode(model, number), ...indices, endNode(model, number)]
  const seconds = model.duration[number]!.out
  let lateAt: Trip['lateAt']
  let clock = model.shiftStart[number]!
  indices.forEach((stop, position) => {
    if (lateAt) return
    const ready = clock + seconds[legOf(model, chain[position]!, stop)]!
    clock = firstStart(model, stop, ready) + model.serviceSeconds[stop]!
    if (clock >= FOREVER) lateAt = { stop: problem.stops[stop]!, readySeconds: model.originSeconds + ready }
  })
  const end = lateAt ? FOREVER : endWithBreaks(model, chain, number)
  return {
    count: kind.count,
    vehicleId: vehicle.id,
    lateAt,
    overrunSeconds: end >= FOREVER ? Number.POSITIVE_INFINITY : end - model.shiftEnd[number]!,
    excess: excessOf(model, chain, number, vehicle),
  }
}

function endWithBreaks(model: Model, chain: readonly number[], vehicle: number): number {
  const times = new Int32Array(model.breaks.layers).fill(FOREVER)
  const ready = new Int32Array(model.breaks.layers)
  times[0] = model.shiftStart[vehicle]!
  chain.slice(1).forEach((node, index) => {
    reach(model, vehicle, times, 0, chain[index]!, node, ready)
    if (node < model.stopCount) serve(model, node, ready)
    times.set(ready)
  })
  return times[model.breaks.count[vehicle]!]!
}

function excessOf(
  model: Model,
  chain: readonly number[],
  number: number,
  vehicle: Vehicle,
): string | undefined {
  const sumOf = (legs: Int32Array) =>
    chain.slice(1).reduce((sum, node, index) => sum + legs[legOf(model, chain[index]!, node)]!, 0)
  const meters = sumOf(model.distance.out)
  const travel = sumOf(model.travel[number]!.out)
  const say = (needs: string, limit: string) =>
    `Alone, this needs ${needs} of ${vehicle.id}, which may ${limit}.`
  const stops = chain.length - 2
  if (stops > (vehicle.maxStops ?? stops)) return say(`${stops} stops`, `serve ${vehicle.maxStops}`)
  if (meters > (vehicle.maxMeters ?? meters)) return say(`${meters} m`, `drive ${vehicle.maxMeters} m`)
  if (travel > (vehicle.maxTravelSeconds ?? travel))
    return say(`${travel} s of driving`, `drive ${vehicle.maxTravelSeconds} s`)
  return undefined
}

function legOf(model: Model, from: number, to: number): number {
  return model.place[from]! * model.placeCount + model.place[to]!
}

function missingSkills(visits: readonly Stop[], vehicle: Vehicle): string[] {
  const needed = new Set(visits.flatMap((stop) => stop.skills ?? []))
  return [...needed].filter((skill) => !vehicle.skills?.includes(skill))
}

function explainNoVehicle(problem: Problem): Explanation {
  const detail =
    problem.vehicles.length === 0
      ? 'There are no vehicles.'
      : 'The stop allows no vehicle: its vehicleIds are empty.'
  return { reason: 'no_vehicle', detail }
}

function explainSkills(visits: readonly Stop[], vehicles: readonly Vehicle[]): Explanation {
  const closest = least(vehicles, (vehicle) => missingSkills(visits, vehicle).length)
  const missing = missingSkills(visits, closest).join(', ')
  return {
    reason: 'skills',
    detail: `No allowed vehicle has every skill; the closest, ${closest.id}, lacks ${missing}.`,
  }
}

function explainCapacity(load: readonly number[], vehicles: readonly Vehicle[]): Explanation {
  const excess = (vehicle: Vehicle) => Math.max(...load.map((amount, d) => amount - vehicle.capacity[d]!))
  const closest = least(vehicles, excess)
  const carries = `the closest vehicle, ${closest.id}, carries [${closest.capacity.join(', ')}]`
  return { reason: 'capacity', detail: `The stop needs [${load.join(', ')}]; ${carries}.` }
}

function explainTimeWindow(trips: readonly Trip[]): Explanation {
  const first = least(trips, (trip) => trip.lateAt!.readySeconds)
  const { stop, readySeconds } = first.lateAt!
  const end = stop.timeWindows.at(-1)![1]
  return {
    reason: 'time_window',
    detail: `The first vehicle, ${first.vehicleId}, could start at ${readySeconds} s; the last window ends at ${end} s.`,
  }
}

function explainShift(trips: readonly Trip[]): Explanation {
  const closest = least(trips, (trip) => trip.overrunSeconds)
  const detail = Number.isFinite(closest.overrunSeconds)
    ? `would end its shift ${closest.overrunSeconds} s late with this stop alone`
    : 'cannot take its breaks with this stop alone'
  return { reason: 'shift', detail: `The closest vehicle, ${closest.vehicleId}, ${detail}.` }
}

function least<T>(items: readonly T[], key: (item: T) => number): T {
  return items.reduce((best, item) => (key(item) < key(best) ? item : best))
}

function count(amount: number, noun: string): string {
  return amount === 1 ? `1 ${noun}` : `${amount} ${noun}s`
}
