import { momentOf } from '@urbanbloom/local/hub-time'
import { hub as inmanPark, PASSWORD, shiftHours, vehicle } from '@urbanbloom/local/seed-data'
import { type Neighbourhood, nameOfSomebody } from './city.ts'
import type { Client } from './client.ts'
import type { Session, World } from './world.ts'

export type Hub = Neighbourhood & { id: string }
export type Van = { driverId: string; email: string; hub: Hub }

const SERVICE_RADIUS_METERS = 3_000
const WINDOW_CAPACITY = 20_000

/** The hub of each neighbourhood: the one that is there, or a new one. */
export async function openHubs(
  client: Client,
  ops: Session,
  served: readonly Neighbourhood[],
): Promise<Hub[]> {
  const { token } = ops
  const { items } = await client.expect(200, 'hubs', { path: '/v1/hubs?limit=100', token })
  const hubs: Hub[] = []
  for (const place of served) {
    const known = items.find(({ name }: { name: string }) => name === place.name)
    const { name, latitude, longitude } = place
    const body = {
      name,
      latitude,
      longitude,
      serviceRadiusMeters: SERVICE_RADIUS_METERS,
      timeZone: inmanPark.timeZone,
      windowCapacity: WINDOW_CAPACITY,
    }
    const made =
      known ?? (await client.expect(201, 'hubs', { method: 'POST', path: '/v1/hubs', token, body }))
    hubs.push({ ...place, id: made.id })
  }
  return hubs
}

/** A van with a driver for the whole day. */
export async function hireVan({ client, chance, date }: World, ops: Session, hub: Hub): Promise<Van> {
  const { token } = ops
  const email = `sim-driver-${crypto.randomUUID()}@urbanbloom.test`
  const driver = await client.expect(201, 'hire', {
    method: 'POST',
    path: '/v1/drivers',
    token,
    body: { email, name: nameOfSomebody(chance), password: PASSWORD },
  })
  const van = await client.expect(201, 'hire', {
    method: 'POST',
    path: '/v1/vehicles',
    token,
    body: { hubId: hub.id, name: `${hub.name} ${email.slice(11, 15)}`, capacity: vehicle.capacity },
  })
  const body = {
    hubId: hub.id,
    driverId: driver.id,
    vehicleId: van.id,
    start: momentOf(date, shiftHours.start, inmanPark.timeZone).toISOString(),
    end: momentOf(date, shiftHours.end, inmanPark.timeZone).toISOString(),
  }
  await client.expect(201, 'hire', { method: 'POST', path: '/v1/shifts', token, body })
  return { driverId: driver.id, email, hub }
}
