/** A span of seconds on the problem's time axis; both ends belong to it. */
export type TimeSpan = readonly [startSeconds: number, endSeconds: number]

/** A place to visit once, or to leave out with a reason. */
export interface Stop {
  readonly id: string
  /** Index into the matrices. */
  readonly location: number
  readonly serviceSeconds: number
  /** Instead of `serviceSeconds` for vehicles of a `Vehicle.type`. */
  readonly serviceSecondsByType?: Readonly<Record<string, number>>
  /** Parking and unloading before the service; skipped when the vehicle already stands at this location. */
  readonly setupSeconds?: number
  /** What is brought here from the route's start, in each dimension of `Vehicle.capacity`. */
  readonly demand: readonly number[]
  /** What is taken on board here and kept until the route's end, in each dimension. */
  readonly pickup?: readonly number[]
  /** The service starts within one of these; ascending and disjoint. A vehicle may wait for the next. */
  readonly timeWindows: readonly TimeSpan[]
  /** The vehicle needs all of them. */
  readonly skills?: readonly string[]
  /** 0 to 100. Leaving a stop out weighs `1 + priority`; the plan leaves out the least total weight. */
  readonly priority?: number
  /** Only these vehicles may serve the stop. Absent: any vehicle; empty: none. */
  readonly vehicleIds?: readonly string[]
  /** What people have been told; `Problem.changePrices` says what it costs to plan otherwise. */
  readonly announced?: Announcement
}

/** Where the plan so far has a stop. */
export interface Announcement {
  readonly vehicleId: string
  /** 0 for the first stop of the route, locked stops counted. */
  readonly position: number
}

/** What it costs to change an announcement, in the money of `VehicleCosts`. */
export interface ChangePrices {
  /** For each stop that another vehicle serves. */
  readonly otherVehicle: number
  /** For each stop that its vehicle serves more than `tolerance` positions earlier or later. */
  readonly otherPosition: number
  readonly tolerance: number
}

/**
 * Goods that one vehicle fetches at one stop and brings to another, or that it leaves alone: then both stops are
 * left out. Neither stop has a demand or a pickup of its own.
 */
export interface Shipment {
  readonly pickupStop: string
  readonly deliveryStop: string
  /** On board between the two, in each dimension. */
  readonly amount: readonly number[]
}

/** Time off, which interrupts driving or waiting but never the setup or the service of a stop. */
export interface Break {
  readonly id: string
  /** The break starts within one of these; ascending and disjoint. */
  readonly timeWindows: readonly TimeSpan[]
  readonly serviceSeconds: number
}

/** What using a vehicle costs, in any one unit of money. */
export interface VehicleCosts {
  /** Paid once when the vehicle serves at least one stop. */
  readonly fixed: number
  readonly perMeter: number
  /** Paid for the whole time from leaving the start to reaching the end: driving, waiting and serving. */
  readonly perSecond: number
  /** Paid for driving alone. */
  readonly perTravelSecond?: number
}

/** A vehicle with its driver, for one shift. */
export interface Vehicle {
  readonly id: string
  /** Names how long this vehicle serves, see `Stop.serviceSecondsByType`. */
  readonly type?: string
  /** Its own travel times, in the form of `Problem.durationsSeconds`, which they stand in for. */
  readonly durationsSeconds?: Int32Array
  /** Index into the matrices; null means that the route begins at its first stop. */
  readonly startLocation: number | null
  /** Index into the matrices; null means that the route ends at its last stop. */
  readonly endLocation: number | null
  readonly capacity: readonly number[]
  readonly shift: TimeSpan
  readonly skills?: readonly string[]
  readonly maxStops?: number
  /** The most driving, without setups, breaks and waiting. */
  readonly maxTravelSeconds?: number
  readonly maxMeters?: number
  /** All of them are taken, in this order, by a vehicle that has a route. */
  readonly breaks?: readonly Break[]
  readonly costs: VehicleCosts
  /** 1 drives at the matrix's speed, 0.5 takes twice as long; each leg is rounded to whole seconds. */
  readonly speedFactor?: number
  /**
   * Ids of the stops that stay first on this vehicle, in this order. They are commitments: they are served
   * even when late, over capacity, past the shift or over any other limit, but nothing is added that makes any of
   * this worse. When they leave no room for the breaks, the breaks may be late.
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
  readonly shipments?: readonly Shipment[]
  readonly changePrices?: ChangePrices
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

/** How long a vehicle serves a stop. */
export function serviceSecondsOf(stop: Stop, { type }: Vehicle): number {
  if (type === undefined || !stop.serviceSecondsByType) return stop.serviceSeconds
  return Object.hasOwn(stop.serviceSecondsByType, type)
    ? stop.serviceSecondsByType[type]!
    : stop.serviceSeconds
}

/** Leaves room to add two times in 32 bits. */
export const MAX_TIME_SPAN_SECONDS = 2 ** 29
