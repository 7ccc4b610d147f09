import { seedCatalog } from '@urbanbloom/inventory/seed'
import { createDb } from '@urbanbloom/service-kit/db'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { type ApiClient, createApiClient } from './api-client.ts'
import { dayAt, momentOf } from './hub-time.ts'
import { accounts, hub, PASSWORD, shiftHours, vehicle } from './seed-data.ts'
import { type Deployment, urlOf } from './service-environment.ts'

type Identified = { id: string }

/** Fills the catalog. It needs the database alone, so that it can run while the services start. */
export function seedPlants(deployment: Deployment): Promise<void> {
  return seedPlantsInto(deployment.databaseUrlFor('inventory'))
}

/** Fills the catalog through `inventory`'s login. */
export async function seedPlantsInto(databaseUrl: string): Promise<void> {
  const db = createDb(
    { url: databaseUrl, ca: undefined, poolSize: 1 },
    { log: createLog('seed', 'silent'), metrics: createMetrics('seed') },
  )
  try {
    await seedCatalog(db)
  } finally {
    await db.close()
  }
}

/**
 * Makes the local accounts and a day's work for the driver, through the services' own APIs. Everything that is
 * there already is left as it is; the shifts are those of today and tomorrow.
 */
export function seedPeopleAndFleet(deployment: Deployment, signal: AbortSignal): Promise<void> {
  const entrances = { authUrl: urlOf('auth', deployment), gatewayUrl: urlOf('gateway', deployment) }
  return seedThrough({ ...entrances, internalToken: deployment.secrets.internalToken }, signal)
}

/** The same, wherever the services run. */
export async function seedThrough(
  system: { authUrl: string; gatewayUrl: string; internalToken: string },
  signal?: AbortSignal,
): Promise<void> {
  const auth = createApiClient(system.authUrl, { token: system.internalToken, signal })
  const withPassword = [accounts.ops, accounts.customer].map((account) => ({
    ...account,
    password: PASSWORD,
  }))
  await Promise.all(withPassword.map((account) => auth.post('/internal/accounts', account)))

  const gateway = system.gatewayUrl
  const { accessToken } = await createApiClient(gateway, { signal }).post<{ accessToken: string }>(
    '/v1/auth/login',
    { email: accounts.ops.email, password: PASSWORD },
  )
  const ops = createApiClient(gateway, { token: accessToken, signal })
  const [hubId, driverId] = await Promise.all([ensureHub(ops), ensureDriver(ops)])
  const vehicleId = await ensureVehicle(ops, hubId)
  await ensureShifts(ops, { hubId, driverId, vehicleId })
}

async function ensureHub(ops: ApiClient): Promise<string> {
  const hubs = await ops.list<Identified & { name: string }>('/v1/hubs')
  const found = hubs.find(({ name }) => name === hub.name)
  return (found ?? (await ops.post<Identified>('/v1/hubs', hub))).id
}

async function ensureDriver(ops: ApiClient): Promise<string> {
  const { email, name } = accounts.driver
  const drivers = await ops.list<Identified & { email: string; status: string }>('/v1/drivers')
  // A driver who is pending has no account yet; posting again makes it.
  const found = drivers.find((driver) => driver.email === email && driver.status === 'active')
  return (found ?? (await ops.post<Identified>('/v1/drivers', { email, name, password: PASSWORD }))).id
}

async function ensureVehicle(ops: ApiClient, hubId: string): Promise<string> {
  const vehicles = await ops.list<Identified & { name: string }>(`/v1/vehicles?hubId=${hubId}`)
  const found = vehicles.find(({ name }) => name === vehicle.name)
  return (found ?? (await ops.post<Identified>('/v1/vehicles', { hubId, ...vehicle }))).id
}

async function ensureShifts(
  ops: ApiClient,
  who: { hubId: string; driverId: string; vehicleId: string },
): Promise<void> {
  const shifts = await ops.list<{ start: string; end: string }>(`/v1/shifts?driverId=${who.driverId}`)
  for (const daysLater of [0, 1]) {
    const day = dayAt(new Date(), hub.timeZone, daysLater)
    const start = momentOf(day, shiftHours.start, hub.timeZone)
    const end = momentOf(day, shiftHours.end, hub.timeZone)
    const isThere = shifts.some((shift) => new Date(shift.start) < end && new Date(shift.end) > start)
    if (!isThere) await ops.post('/v1/shifts', { ...who, start: start.toISOString(), end: end.toISOString() })
  }
}
