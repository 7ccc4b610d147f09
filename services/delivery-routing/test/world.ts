import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Address } from '@urbanbloom/contracts/address'
import { runStatement } from '@urbanbloom/local/postgres-server'
import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { createTestDatabase, testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { readConfig } from '../src/config.ts'
import { localDateAt } from '../src/local-date.ts'
import { createDeliveryRoutingService, type Overrides } from '../src/service.ts'
import { startStubPeers } from './stub-peers.ts'

const INTERNAL_TOKEN = 'internal-token-of-the-delivery-tests'
export const inmanPark = { latitude: 33.7573, longitude: -84.3521 }
export const timeZone = 'America/New_York'

export type World = Awaited<ReturnType<typeof createWorld>>
type Options = { env?: NodeJS.ProcessEnv; overrides?: Overrides; redisUrl?: string }

/** The service over a database of its own, with stubs for its peers and clients for each role. */
export async function createWorld({ env = {}, overrides = {}, redisUrl }: Options = {}) {
  const resources = new AsyncDisposableStack()
  const database = await createTestDatabase()
  resources.defer(() => database.close())
  const objects = await mkdtemp(join(tmpdir(), 'delivery-objects-'))
  resources.defer(() => rm(objects, { recursive: true, force: true }))
  const peers = await startStubPeers()
  resources.defer(() => peers.close())
  const environment = {
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    INTERNAL_TOKEN,
    DATABASE_URL: database.urlFor('delivery-routing'),
    OBJECT_STORE_URL: pathToFileURL(objects).href,
    REDIS_URL: redisUrl ?? (await testRedisUrl()),
    AUTH_URL: peers.authUrl,
    ORDER_URL: peers.orderUrl,
    INVENTORY_URL: peers.inventoryUrl,
    OPTIMIZE_WARM_THREADS: '0',
    ...env,
  }
  const config = readConfig(environment)
  const service = await createDeliveryRoutingService(config, overrides)
  resources.defer(() => service.close())
  await service.start()
  const url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`
  const ops = peers.tokenFor({ id: newId(), role: 'ops' })

  const call = (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    token?: string,
    body?: unknown,
  ) => request(method, url + path, { token, body })
  const internal = (path: string, body: unknown) => call('POST', path, INTERNAL_TOKEN, body)
  return {
    url,
    /** For another process beside this one. */
    environment,
    config,
    ctx: service.ctx,
    db: service.ctx.db,
    /** Runs a statement with the rights of the owner of everything. */
    admin: (sql: string) => runStatement(database.adminUrl, sql),
    peers,
    ops,
    call,
    internal,
    asOps: (method: 'GET' | 'POST', path: string, body?: unknown) => call(method, path, ops, body),
    tokenFor: (id: string, role: 'customer' | 'driver' | 'ops') => peers.tokenFor({ id, role }),
    close: () => resources.disposeAsync(),
  }
}

/** Bodies of what a 2xx must have answered. */
export async function expecting<T extends { status: number; body: any }>(status: number, answer: Promise<T>) {
  const { status: given, body } = await answer
  if (given !== status) throw new Error(`answered ${given} instead of ${status}: ${JSON.stringify(body)}`)
  return body
}

export async function createHub(world: World, hub: object = {}) {
  const body = { name: 'Inman Park', ...inmanPark, serviceRadiusMeters: 8_000, timeZone, ...hub }
  return expecting(201, world.asOps('POST', '/v1/hubs', body)) as Promise<{
    id: string
    windowCapacity: number
  }>
}

export async function createDriver(world: World, more: object = {}) {
  const email = `driver-${newId()}@urbanbloom.test`
  const body = { email, name: 'Dana', password: 'grow-something-green', ...more }
  const driver = await expecting(201, world.asOps('POST', '/v1/drivers', body))
  return { id: driver.id as string, token: world.tokenFor(driver.id, 'driver') }
}

export async function createVehicle(world: World, hubId: string, capacity: object = {}) {
  const body = {
    hubId,
    name: 'Van',
    capacity: { weightGrams: 500_000, volumeMilliliters: 4_000_000, ...capacity },
  }
  return (await expecting(201, world.asOps('POST', '/v1/vehicles', body))) as { id: string }
}

/** A driver with a van from 07:00 to 22:00 by the hub's clocks, on a day. */
export async function createCrew(world: World, hubId: string, date: string, capacity: object = {}) {
  const driver = await createDriver(world)
  const vehicle = await createVehicle(world, hubId, capacity)
  const [hours] = await world.db.query<{ start: Date; end: Date }>(
    `select ($1::date + time '07:00') at time zone $2 as start, ($1::date + time '22:00') at time zone $2 as end`,
    [date, timeZone],
  )
  const body = {
    driverId: driver.id,
    vehicleId: vehicle.id,
    hubId,
    start: hours?.start.toISOString(),
    end: hours?.end.toISOString(),
  }
  const shift = await expecting(201, world.asOps('POST', '/v1/shifts', body))
  return { driver, vehicle, shift: shift as { id: string } }
}

/** Tomorrow by the hub's clocks: all its windows are still to come, whatever the time is. */
export function tomorrow(): string {
  return localDateAt(new Date(Date.now() + 24 * 3_600_000), timeZone)
}

export async function windowsOf(world: World, date: string, at = inmanPark) {
  const query = `latitude=${at.latitude}&longitude=${at.longitude}&date=${date}`
  const { items } = await expecting(200, world.call('GET', `/v1/delivery-windows?${query}`))
  return items as { id: string; start: string; end: string; available: boolean; feeCents: number }[]
}

export function addressAt(at: { latitude: number; longitude: number }): Address {
  return {
    recipient: 'Casey Customer',
    line1: '1 Edgewood Ave',
    city: 'Atlanta',
    region: 'GA',
    postalCode: '30307',
    instructions: 'Ring twice',
    ...at,
  }
}

/** A point some hundred metres from the hub, another one for each index. */
export function nearby(index: number) {
  const angle = index * 2.4
  const radius = 0.004 + (index % 7) * 0.003
  return {
    latitude: inmanPark.latitude + Math.sin(angle) * radius,
    longitude: inmanPark.longitude + Math.cos(angle) * radius,
  }
}

export function hold(world: World, order: { orderId: string; customerId?: string; windowId: string }) {
  const body = { customerId: newId(), weightGrams: 4_000, volumeMilliliters: 9_000, ...order }
  return world.internal('/internal/deliveries', body)
}

export function release(world: World, orderId: string) {
  return world.internal(`/internal/deliveries/${orderId}/release`, {})
}

export function confirmedEvent(order: {
  orderId: string
  customerId: string
  windowId: string
  at?: { latitude: number; longitude: number }
  weightGrams?: number
  valueCents?: number
  parcels?: number
}) {
  const { at = inmanPark, weightGrams = 4_000, valueCents, parcels = 1, ...ids } = order
  return {
    id: newId(),
    type: 'order.confirmed',
    occurredAt: new Date().toISOString(),
    data: {
      ...ids,
      number: `UB-${ids.orderId.slice(-6)}`,
      weightGrams,
      volumeMilliliters: 9_000,
      ...(valueCents !== undefined && { valueCents }),
      parcels,
      address: addressAt(at),
    },
  }
}

/** An order as the saga leaves it: held, then confirmed. */
export async function placeOrder(
  world: World,
  windowId: string,
  options: Omit<Parameters<typeof confirmedEvent>[0], 'orderId' | 'customerId' | 'windowId'> = {},
) {
  const order = { orderId: newId(), customerId: newId(), windowId }
  await expecting(200, hold(world, order))
  await expecting(204, world.internal('/internal/events', confirmedEvent({ ...order, ...options })))
  return { ...order, token: world.tokenFor(order.customerId, 'customer') }
}

/** Asks for a plan of a day and follows it to its end. */
export async function planDay(world: World, hubId: string, date: string) {
  const { id } = await expecting(202, world.asOps('POST', '/v1/dispatch/plans', { hubId, date }))
  return waitFor(
    async () => {
      const plan = await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${id}`))
      return plan.status === 'done' || plan.status === 'failed' ? plan : null
    },
    { describe: `the plan ${id} to end`, timeoutMs: 20_000 },
  )
}

export async function statusOf(world: World, orderId: string) {
  const [row] = await world.db.query<{ status: string }>(
    'select status from deliveries where order_id = $1',
    [orderId],
  )
  return row?.status
}

/** The types of the events that a peer has got of an order, in the order of their sequence. */
export function eventsOf(world: World, orderId: string, to: 'order' | 'inventory' = 'order') {
  return world.peers.events
    .filter((each) => each.to === to && (each.event.data as { orderId?: string }).orderId === orderId)
    .toSorted((a, b) => sequenceOf(a.event.data) - sequenceOf(b.event.data))
    .map(({ event }) => event.type)
}

function sequenceOf(data: object): number {
  return (data as { sequence: number }).sequence
}
