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

/** What one vehicle does. Vehicles without stops have no route. */
export interface Route {
  readonly vehicleId: string
  readonly stops: readonly RouteStop[]
  readonly distanceMeters: number
  /** `endSeconds - startSeconds`: driving, setting up, serving and waiting. */
  readonly durationSeconds: number
  readonly startSeconds: number
  readonly endSeconds: number
  readonly cost: number
  readonly load: readonly number[]
}

/**
 * Why a stop is left out. The first that holds, looking at vehicles without any other work:
 * - `no_vehicle`: there is none, or `vehicleIds` allows none.
 * - `skills`: no allowed vehicle has the skills.
 * - `capacity`: no vehicle of those could carry it.
 * - `time_window`: no vehicle of those could reach it within its windows.
 * - `shift`: vehicles could reach it, but not finish within their shift.
 * - `fleet_full`: it would fit alone, but the rest of the plan occupies the fleet.
 */
export type UnassignedReason = 'no_vehicle' | 'skills' | 'capacity' | 'time_window' | 'shift' | 'fleet_full'

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
  readonly iterations: number
  readonly elapsedMs: number
}
