/** A stop with the times at which its route serves it. */
export interface RouteStop {
  readonly id: string
  /** The vehicle reaches the location. */
  readonly arrivalSeconds: number
  /** The service starts: after setting up, and within a time window. */
  readonly startServiceSeconds: number
  readonly departureSeconds: number
  /** Idle time between arrival and service, setup not counted. */
  readonly waitingSeconds: number
}

/** A break that a route takes. */
export interface RouteBreak {
  readonly id: string
  readonly startSeconds: number
  readonly endSeconds: number
  /** How many stops are served before it; it interrupts the leg to the next one. */
  readonly afterStops: number
}

/** What one vehicle does. Vehicles without stops have no route. */
export interface Route {
  readonly vehicleId: string
  readonly stops: readonly RouteStop[]
  readonly breaks: readonly RouteBreak[]
  readonly distanceMeters: number
  /** Driving alone. */
  readonly travelSeconds: number
  /** `endSeconds - startSeconds`: driving, setting up, serving, waiting and breaks. */
  readonly durationSeconds: number
  readonly startSeconds: number
  readonly endSeconds: number
  /** Money, by `VehicleCosts`. */
  readonly cost: number
  /** What the route changes about announcements, by `ChangePrices`; not part of `cost`. */
  readonly changeCost: number
  /** The most on board at any moment, in each dimension. */
  readonly load: readonly number[]
}

/**
 * Why a stop is left out, alone or as half of a shipment. The first that holds, for vehicles without other work:
 * - `no_vehicle`: there is none, or `vehicleIds` allows none.
 * - `skills`: no allowed vehicle has the skills.
 * - `capacity`: no vehicle of those could carry it.
 * - `time_window`: no vehicle of those could reach it within its windows.
 * - `shift`: vehicles could reach it, but not finish within their shift and take their breaks.
 * - `vehicle_limit`: those that could would exceed their most stops, meters or driving time.
 * - `fleet_full`: it would fit alone, but the rest of the plan occupies the fleet.
 */
export type UnassignedReason =
  | 'no_vehicle'
  | 'skills'
  | 'capacity'
  | 'time_window'
  | 'shift'
  | 'vehicle_limit'
  | 'fleet_full'

/** A stop that the plan leaves out. */
export interface UnassignedStop {
  readonly id: string
  readonly reason: UnassignedReason
  /** One sentence with the figures behind the reason, for the person who plans. */
  readonly detail: string
}

/** A feasible plan: every stop is either on one route or unassigned. */
export interface Solution {
  readonly routes: readonly Route[]
  readonly unassigned: readonly UnassignedStop[]
  /** Sum of the routes' costs. */
  readonly cost: number
  /** Sum of the routes' costs of change; the search makes the sum of both small. */
  readonly changeCost: number
  readonly iterations: number
  readonly elapsedMs: number
}
