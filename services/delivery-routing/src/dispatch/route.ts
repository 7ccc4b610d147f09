import type { Address } from '@urbanbloom/contracts/address'
import type { Transport } from '@urbanbloom/contracts/transport'

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
  /** The driver's break on the way here, on top of the leg. */
  breakSeconds: number
  serviceSeconds: number
  arrivedAt: Date | null
  completedAt: Date | null
  number: string
  parcels: number
  weightGrams: number
  volumeMilliliters: number
  transport: Transport
  address: Address
  windowStart: Date
  windowEnd: Date
}

/** A break of the driver as it is planned. */
export type RouteBreak = { startsAt: string; endsAt: string; afterStops: number }

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
  breaks: RouteBreak[]
  startedAt: Date | null
  /** When it goes on after it has changed hands under way. */
  resumesAt: Date | null
  completedAt: Date | null
  /** The van or the driver broke down on it. */
  brokenDownAt: Date | null
  stops: Stop[]
}

/** Unloading, the stairs and the handing over: more for each further parcel, for heavy ones, and for fragile plants. */
export function serviceSecondsFor(delivery: {
  weightGrams: number
  parcels: number
  transport: Pick<Transport, 'fragile'>
}): number {
  const { weightGrams, parcels, transport } = delivery
  const carrying = FIRST_PARCEL_SECONDS * (weightGrams > HEAVY_FROM_GRAMS ? 2 : 1)
  const further = Math.min(FURTHER_PARCELS_AT_MOST, Math.max(0, parcels - 1)) * FURTHER_PARCEL_SECONDS
  return carrying + further + (transport.fragile === true ? FRAGILE_SECONDS : 0)
}

/** What a van must be able to do for an order. */
export function skillsFor({ upright }: Transport): string[] {
  return upright === true ? ['upright'] : []
}

const FIRST_PARCEL_SECONDS = 180
const FURTHER_PARCEL_SECONDS = 30
/** Beyond this many they are carried on a trolley. */
const FURTHER_PARCELS_AT_MOST = 20
const HEAVY_FROM_GRAMS = 15_000
const FRAGILE_SECONDS = 60
