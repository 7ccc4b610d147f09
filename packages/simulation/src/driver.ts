import { metersBetween, onTheWay, type Place } from './city.ts'
import type { Van } from './fleet.ts'
import { createPhone, type Phone } from './phone.ts'
import { createWatch, judge } from './punctuality.ts'
import type { World } from './world.ts'

/** A van in a town, traffic lights included. */
const VAN_MPS = 7
/** Faster than this no position is believed, so a simulation in fast motion drives no faster. */
const FASTEST_MPS = 30
/** Roads are longer than the straight line. */
const DETOUR = 1.3
/** A PNG of one pixel, as base64. */
const SMALLEST_PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
const SERVICE_SECONDS = 120
const MAX_STOPS = 200
const MAX_TRIES = 30

type Stop = { id: string; orderId: string; status: string; address: Place & { line1: string } }
type Route = { id: string; status: string; stops: Stop[] }

const reasons = ['nobody_home', 'no access to the building', 'the address does not exist']

/** One driver's route, from the loading of the van to the last stop. */
export async function drive(world: World, van: Van): Promise<void> {
  const { client, people, tally } = world
  const session = await people.logIn(van.email)
  const phone = createPhone(world, session)
  const start = { method: 'POST', path: '/v1/driver/route/start', token: session.token } as const
  const { status, body: route } = await client.ask<Route>('start route', start)
  if (status !== 200) return tally.count('routes not started')
  tally.count('routes started')
  for (const { orderId } of route.stops) tally.order(orderId, 'out for delivery')
  const watch = createWatch(world.clock)
  let place: Place = van.hub
  for (let count = 0; count < MAX_STOPS; count += 1) {
    const stop = await nextStop(world, await people.tokenOf(session))
    if (stop === undefined) break
    watch.drove(await driveTo(world, phone, place, stop.address))
    place = stop.address
    const due = world.bought.get(stop.orderId)?.due
    if (due !== undefined) await watch.waitUntil(due.start)
    if (await serve(world, phone, stop)) judge(tally, due, watch.hours())
    if (world.clock.signal.aborted) break
  }
  await phone.upload()
  tally.count('routes ended')
}

/** The phone asks again before each leg, because the day changes. */
async function nextStop({ client, clock }: World, token: string): Promise<Stop | undefined> {
  for (let tries = 0; tries < MAX_TRIES && !clock.signal.aborted; tries += 1) {
    const { status, body } = await client.ask<Route>('route', { path: '/v1/driver/route', token })
    if (status === 200 && body.status === 'started') {
      return body.stops.find((stop) => stop.status === 'pending' || stop.status === 'arrived')
    }
    if (status === 200 || status === 404) return undefined
    await clock.waitMs(1_000)
  }
  return undefined
}

/** @returns the hours of the simulation's clock that the leg took, and those that a van needs. */
async function driveTo({ clock, chance, faults }: World, phone: Phone, from: Place, to: Place) {
  phone.setSignal(!chance.is(faults.has('dead-spots') ? 0.5 : 0.05))
  const speed = Math.min(VAN_MPS * clock.speed, FASTEST_MPS)
  const meters = metersBetween(from, to) * DETOUR
  const seconds = Math.max(1, meters / speed)
  const steps = Math.ceil(seconds / 2)
  for (let step = 1; step <= steps && !clock.signal.aborted; step += 1) {
    await clock.waitMs((seconds / steps) * 1_000)
    await phone.locate(onTheWay(from, to, step / steps), speed)
  }
  return { taken: (seconds * clock.speed) / 3_600, needed: meters / VAN_MPS / 3_600 }
}

/** @returns whether the customer has the plants. */
async function serve(
  { clock, chance, faults, tally }: World,
  phone: Phone,
  { id, orderId }: Stop,
): Promise<boolean> {
  await phone.report({ type: 'arrive', stopId: id })
  await clock.waitSeconds(SERVICE_SECONDS * chance.between(0.5, 2))
  if (chance.is(faults.has('nobody-home') ? 0.2 : 0.02)) {
    await phone.report({ type: 'fail', stopId: id, reason: chance.pick(reasons) })
    tally.order(orderId, 'failed')
    return false
  }
  const proof = chance.is(0.5)
    ? { kind: 'signature', name: 'A neighbour' }
    : { kind: 'photo', data: SMALLEST_PICTURE }
  await phone.report({ type: 'deliver', stopId: id, proof })
  tally.order(orderId, 'delivered')
  return true
}
