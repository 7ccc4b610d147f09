import type { Shortcuts } from './shortcuts.ts'

/**
 * A matrix twice: `out[a * places + b]` and `into[b * places + a]` both hold the leg from `a` to `b`. Whoever
 * tries one stop at many positions reads one row of each, which stays in the processor's cache. Equal matrices share
 * their arrays.
 */
export interface Legs {
  readonly out: Int32Array
  readonly into: Int32Array
}

/**
 * The problem compiled for the search: numbers in typed arrays, ids gone.
 *
 * A route is a chain of nodes. Node `s` below `stopCount` is the stop `s`; `startNode` and `endNode` give each
 * vehicle two more. A place is a row of the matrices: each stop has its own, so that a leg can include the
 * setup of the stop it leads to. Times count from `originSeconds`.
 */
export interface Model {
  readonly stopCount: number
  readonly vehicleCount: number
  readonly nodeCount: number
  readonly placeCount: number
  readonly dimensions: number
  readonly originSeconds: number
  /** By node. */
  readonly place: Int32Array
  readonly serviceSeconds: Int32Array
  /** The windows of stop `s` are `windowOpen` and `windowClose` from `windowFrom[s]` up to `windowFrom[s + 1]`. */
  readonly windowFrom: Int32Array
  readonly windowOpen: Int32Array
  readonly windowClose: Int32Array
  readonly lastClose: Int32Array
  readonly hasSeveralWindows: boolean
  /** By stop, then by dimension: on board from the start to the stop, and from the stop to the end. */
  readonly demand: Float64Array
  readonly pickup: Float64Array
  /** By stop, then by dimension: how the load changes there; this includes the stop's half of a shipment. */
  readonly loadChange: Float64Array
  /** True when loads do not just fall along a route, so that one sum for each route is not enough. */
  readonly hasLoadProfile: boolean
  /** By stop: the other half of its shipment, or -1. */
  readonly partner: Int32Array
  readonly isDelivery: Uint8Array
  /** What leaving the stop out weighs. */
  readonly weight: Float64Array
  readonly isLocked: Uint8Array
  /** By node: 1 where nothing may be put in behind it, because a locked stop follows. */
  readonly isFixed: Uint8Array
  /** By stop, then by vehicle: 1 where skills, pins and the stop's own demand allow it. */
  readonly isAllowed: Uint8Array
  /** By vehicle, then by dimension. */
  readonly capacity: Float64Array
  readonly shiftStart: Int32Array
  readonly shiftEnd: Int32Array
  readonly maxStops: Int32Array
  readonly fixedCost: Float64Array
  readonly costPerMeter: Float64Array
  readonly costPerSecond: Float64Array
  readonly costPerTravelSecond: Float64Array
  readonly maxMeters: Float64Array
  readonly maxTravelSeconds: Float64Array
  /** By vehicle: 1 where times, load sums and meters decide alone, without breaks, driving time or load profiles. */
  readonly isPlain: Uint8Array
  /** By vehicle: the same, whether it has breaks or not. */
  readonly isPlainBesidesBreaks: Uint8Array
  readonly shortcuts: Shortcuts
  readonly breaks: BreakModel
  readonly announced: AnnouncementModel
  readonly lockedStops: readonly (readonly number[])[]
  /** Vehicles with the same number are interchangeable: of those unused, the search need only try one. */
  readonly twin: Int32Array
  readonly distance: Legs
  /** By vehicle; vehicles of one speed share theirs. */
  readonly duration: readonly Legs[]
  /** By vehicle: driving without the setup of the stop that a leg leads to. */
  readonly travel: readonly Legs[]
  /**
   * By vehicle, then by stop: how much longer than `serviceSeconds` its service takes; null where never. The legs of
   * `duration` that leave the stop include it.
   */
  readonly extraService: readonly (Int32Array | null)[]
}

/** All breaks of all vehicles in one list. */
export interface BreakModel {
  /** One more than the most breaks that a vehicle has, see `break-schedule.ts`. */
  readonly layers: number
  /** By vehicle: how many breaks, and where in the list they begin. */
  readonly count: Int32Array
  readonly from: Int32Array
  /** By vehicle: those with the same number have the same breaks. */
  readonly kind: Int32Array
  readonly serviceSeconds: Int32Array
  readonly windowFrom: Int32Array
  readonly windowOpen: Int32Array
  readonly windowClose: Int32Array
}

/** What was announced, by stop (vehicle -1: nothing), and what changes cost. */
export interface AnnouncementModel {
  readonly isPriced: boolean
  readonly vehicle: Int32Array
  readonly position: Int32Array
  readonly otherVehiclePrice: number
  readonly otherPositionPrice: number
  readonly tolerance: number
}

/** Stands for "at any time": later than every shift, and small enough to add legs to in 32 bits. */
export const FOREVER = 2 ** 30

/** The node where a vehicle's chain begins. */
export function startNode(model: Model, vehicle: number): number {
  return model.stopCount + vehicle
}

/** The node where a vehicle's chain ends. */
export function endNode(model: Model, vehicle: number): number {
  return model.stopCount + model.vehicleCount + vehicle
}

/** The first moment from `readySeconds` on at which the service of a stop may start; FOREVER if there is none. */
export function firstStart(model: Model, stop: number, readySeconds: number): number {
  const until = model.windowFrom[stop + 1]!
  for (let window = model.windowFrom[stop]!; window < until; window++) {
    if (readySeconds <= model.windowClose[window]!) return Math.max(readySeconds, model.windowOpen[window]!)
  }
  return FOREVER
}

/** The last moment up to `limitSeconds` at which the service of a stop may start; -1 if there is none. */
export function lastStart(model: Model, stop: number, limitSeconds: number): number {
  const from = model.windowFrom[stop]!
  for (let window = model.windowFrom[stop + 1]! - 1; window >= from; window--) {
    if (limitSeconds >= model.windowOpen[window]!) return Math.min(limitSeconds, model.windowClose[window]!)
  }
  return -1
}
