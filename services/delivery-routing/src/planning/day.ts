import { createHash } from 'node:crypto'
import type { DeliveryToPlan } from '../deliveries/delivery.ts'
import type { Route } from '../dispatch/route.ts'
import type { ServiceHistory } from '../eta/service-times.ts'
import type { Hub } from '../fleet/hub.ts'

/** A shift with all that limits what it can carry. It ends when the van or the driver goes out of service. */
export type ShiftToPlan = {
  id: string
  driverId: string
  vehicleId: string
  start: Date
  end: Date
  capacity: { weightGrams: number; volumeMilliliters: number }
  skills: string[]
  breaks: { earliest: Date; latest: Date; durationSeconds: number }[]
}

/** Everything that a plan of one hub and one day is made from, as it was at one moment. */
export type Day = {
  hub: Hub
  date: string
  /** Midnight of the day by the hub's clocks. */
  startsAt: Date
  shifts: ShiftToPlan[]
  deliveries: DeliveryToPlan[]
  /** Planned, started and completed ones. */
  routes: Route[]
  /** How long stops took at this hub; absent where nothing is known. */
  serviceHistory?: ReadonlyMap<string, ServiceHistory>
}

/**
 * A digest of what a person or a driver has settled about the routes of a day. Where two moments have the same, a
 * plan made from the first may be stored at the second.
 */
export function commitmentsOf(routes: readonly Route[]): string {
  const lines = routes
    .filter(({ status }) => status !== 'superseded')
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, status, driverId, driverPinned, stops }) => {
      const pins = stops.filter(({ pin }) => pin !== null).map(({ orderId, pin }) => `${orderId}:${pin}`)
      const driver = driverPinned ? driverId : ''
      // How far a started route has come changes no plan; that it has started does.
      return `${id} ${status === 'planned' ? `planned ${driver} ${pins.join(',')}` : 'started'}`
    })
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}
