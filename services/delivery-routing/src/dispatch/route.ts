import type { Address } from '@urbanbloom/contracts/address'

export type StopStatus = 'pending' | 'arrived' | 'delivered' | 'failed' | 'removed'

/** The statuses of a stop that is still to be served. */
export const openStatuses: readonly StopStatus[] = ['pending', 'arrived']

/** A stop that is on its route, with what a driver and a planner need to know of its delivery. */
export type Stop = {
  id: string
  routeId: string
  orderId: string
  position: number
  status: StopStatus
  /** `route`: a person put it on this route; `place`: and at this place. The optimizer keeps both. */
  pin: 'route' | 'place' | null
  plannedArrival: Date
  eta: Date
  legSeconds: number
  legMeters: number
  serviceSeconds: number
  arrivedAt: Date | null
  completedAt: Date | null
  number: string
  parcels: number
  weightGrams: number
  volumeMilliliters: number
  address: Address
  windowStart: Date
  windowEnd: Date
}

export type RouteStatus = 'planned' | 'started' | 'completed' | 'superseded'

export type Route = {
  id: string
  planId: string
  hubId: string
  date: string
  shiftId: string
  driverId: string
  vehicleId: string
  status: RouteStatus
  version: number
  driverPinned: boolean
  distanceMeters: number
  durationSeconds: number
  startsAt: Date
  endsAt: Date
  startedAt: Date | null
  completedAt: Date | null
  stops: Stop[]
}

/** Unloading, the stairs and the handing over. */
export function serviceSecondsFor(delivery: { weightGrams: number }): number {
  const FIRST_KILOGRAMS_SECONDS = 180
  const HEAVY_FROM_GRAMS = 15_000
  return delivery.weightGrams > HEAVY_FROM_GRAMS ? FIRST_KILOGRAMS_SECONDS * 2 : FIRST_KILOGRAMS_SECONDS
}
