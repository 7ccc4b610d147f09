import type { Person } from '@urbanbloom/test-kit/people'
import { type EventFollower, followEvents } from './event-follower.ts'
import type { Business } from './population.ts'

const DRIVER_STREAMS = 3
const TRACKING_STREAMS = 3

export type Followers = {
  driver: readonly EventFollower[]
  tracking: readonly { orderId: string; customer: Person; follower: EventFollower }[]
  all: readonly EventFollower[]
}

export const nobody: Followers = { driver: [], tracking: [], all: [] }

/** Opens the driver's event stream several times, and the tracking of some customers. */
export function follow(gatewayUrl: string, { driver, routed }: Business): Followers {
  const driverUrl = `${gatewayUrl}/v1/driver/route/events`
  const drivers = Array.from({ length: DRIVER_STREAMS }, () => followEvents({ url: driverUrl, who: driver }))
  const tracking = routed.slice(0, TRACKING_STREAMS).map(({ orderId, customer }) => {
    const url = `${gatewayUrl}/v1/orders/${orderId}/tracking/events`
    return { orderId, customer, follower: followEvents({ url, who: customer }) }
  })
  return { driver: drivers, tracking, all: [...drivers, ...tracking.map(({ follower }) => follower)] }
}
