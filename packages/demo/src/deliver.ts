import { hub } from '@urbanbloom/local/seed-data'
import type { Purchase } from './buy.ts'
import { logIn, waitForOrder } from './follow.ts'
import { check, clock, DemoStopped, type Narrator } from './narrate.ts'

type Stop = {
  id: string
  orderId: string
  orderNumber: string
  status: string
  eta: string | null
  address: { line1: string; latitude: number; longitude: number }
}
type Route = { id: string; status: string; date: string; stops: Stop[] }
type Tracking = {
  status: string
  stopsAhead: number | null
  eta: { start: string; end: string } | null
  driverPosition: object | null
}

/** Routes left over from earlier days or stories that the driver may have to finish first. */
const MAX_EARLIER_ROUTES = 5

/** The driver brings it, and the customer watches. */
export async function driveRoute(
  tell: Narrator,
  { purchase, driverEmail }: { purchase: Purchase; driverEmail: string },
): Promise<void> {
  const { step, say } = tell
  step('The driver reads the route')
  const token = await logIn(tell, driverEmail)
  const route = await findRoute(tell, token, purchase)
  say(
    `${route.stops.length} ${route.stops.length === 1 ? 'stop' : 'stops'} on ${route.date}: ${route.stops.map(({ address }) => address.line1).join(', ')}`,
  )

  step('The driver loads the van and starts')
  if (route.status === 'planned') await tell.call('POST', '/v1/driver/route/start', { expect: 200, token })
  await waitForOrder(tell, purchase, 'out_for_delivery')

  const own = route.stops.findIndex(({ orderId }) => orderId === purchase.orderId)
  const stop = route.stops[own]
  check(stop !== undefined, `The route lost ${purchase.number}.`)
  for (const before of route.stops.slice(0, own)) await deliver(tell, token, before)
  await track(tell, { token, stop, purchase })

  step('The driver arrives and delivers against a code')
  await tell.call('POST', `/v1/driver/stops/${stop.id}/arrive`, { expect: 200, token })
  const proof = { kind: 'code', code: '4711' }
  const first = await tell.call('POST', `/v1/driver/stops/${stop.id}/deliver`, {
    expect: 200,
    token,
    body: { proof },
  })
  say(`200 ${first.body.status}`)
  const again = await tell.call('POST', `/v1/driver/stops/${stop.id}/deliver`, {
    expect: 200,
    token,
    body: { proof },
  })
  check(
    again.body.completedAt === first.body.completedAt,
    'Sending the same outcome again gave another answer.',
  )
  say('200 the same answer again: a phone without signal may repeat itself')
  for (const after of route.stops.slice(own + 1)) await deliver(tell, token, after)
}

/** The customer's view while the van is on its way. */
async function track(
  tell: Narrator,
  { token, stop, purchase }: { token: string; stop: Stop; purchase: Purchase },
): Promise<void> {
  const { step, call, say, firstEvent } = tell
  step('The customer follows the van')
  const { latitude, longitude } = stop.address
  const position = {
    recordedAt: new Date().toISOString(),
    latitude: latitude - 0.004,
    longitude: longitude + 0.004,
    accuracyMeters: 8,
  }
  await call('POST', '/v1/driver/positions', { expect: 202, token, body: { positions: [position] } })
  const tracking = await firstEvent<Tracking>(
    `/v1/orders/${purchase.orderId}/tracking/events`,
    purchase.customerToken,
  )
  check(
    tracking.status === 'out_for_delivery',
    `The tracking says ${tracking.status} instead of out_for_delivery.`,
  )
  const eta =
    tracking.eta === null
      ? 'unknown'
      : `${clock(tracking.eta.start, hub.timeZone)}–${clock(tracking.eta.end, hub.timeZone).slice(-5)}`
  say(
    `${tracking.status}, ${tracking.stopsAhead} stops ahead, expected ${eta}, van ${tracking.driverPosition === null ? 'not yet visible' : 'visible on the map'}`,
  )
}

async function findRoute(tell: Narrator, token: string, purchase: Purchase): Promise<Route> {
  for (let earlier = 0; earlier <= MAX_EARLIER_ROUTES; earlier += 1) {
    const { body: route } = await tell.call<Route>('GET', '/v1/driver/route', { expect: 200, token })
    if (route.stops.some(({ orderId }) => orderId === purchase.orderId)) return route
    tell.say(`another route is first in turn, on ${route.date}; the driver finishes that one`)
    if (route.status === 'planned') await tell.call('POST', '/v1/driver/route/start', { expect: 200, token })
    for (const stop of route.stops) await deliver(tell, token, stop)
  }
  throw new DemoStopped(`The driver's next routes do not hold ${purchase.number}: ask ops who drives it.`)
}

async function deliver({ call }: Narrator, token: string, stop: Stop): Promise<void> {
  if (stop.status === 'delivered' || stop.status === 'failed') return
  const body = { proof: { kind: 'signature', name: 'A neighbour' } }
  await call('POST', `/v1/driver/stops/${stop.id}/deliver`, { expect: 200, token, body })
}
