import { dayAt, momentOf } from '@urbanbloom/local/hub-time'
import { hub as inmanPark, shiftHours, vehicle } from '@urbanbloom/local/seed-data'
import { requestExpecting } from './http.ts'
import { createDriver, type Entrance, type Person } from './people.ts'

type Identified = { id: string }

export type DeliveryWindow = { start: string; end: string; available: boolean; feeCents: number }

/** A place two streets from the hub. */
export const nearbyAddress = {
  recipient: 'Robin Fern',
  line1: '880 Edgewood Ave NE',
  city: 'Atlanta',
  region: 'GA',
  postalCode: '30307',
  latitude: 33.7567,
  longitude: -84.3598,
} as const

/** A new product with stock; `changes` replace or add properties. */
export async function createProduct(
  { gatewayUrl }: Pick<Entrance, 'gatewayUrl'>,
  ops: Pick<Person, 'token'>,
  changes: Record<string, unknown> = {},
): Promise<Identified & { sku: string; name: string; priceCents: number; availableQuantity: number }> {
  const body = {
    sku: `TEST-${crypto.randomUUID().slice(0, 13).toUpperCase()}`,
    name: 'Swiss Cheese Plant',
    botanicalName: 'Monstera deliciosa',
    category: 'foliage',
    light: 'bright_indirect',
    water: 'medium',
    petSafe: false,
    priceCents: 3_500,
    weightGrams: 3_000,
    volumeMilliliters: 12_000,
    initialQuantity: 100,
    ...changes,
  }
  return requestExpecting(201, 'POST', `${gatewayUrl}/v1/products`, { token: ops.token, body })
}

/** A hub in Inman Park. */
export async function createHub(
  { gatewayUrl }: Pick<Entrance, 'gatewayUrl'>,
  ops: Pick<Person, 'token'>,
  changes: Record<string, unknown> = {},
): Promise<Identified> {
  const body = { ...inmanPark, ...changes }
  return requestExpecting(201, 'POST', `${gatewayUrl}/v1/hubs`, { token: ops.token, body })
}

/** A hub with one van and its driver, on a shift today and tomorrow: enough to sell and deliver. */
export async function createFleet(entrance: Entrance, ops: Pick<Person, 'token'>) {
  const { token } = ops
  const [hub, driver] = await Promise.all([createHub(entrance, ops), createDriver(entrance, ops)])
  const van: Identified = await requestExpecting(201, 'POST', `${entrance.gatewayUrl}/v1/vehicles`, {
    token,
    body: { hubId: hub.id, ...vehicle },
  })
  const shifts: Identified[] = []
  for (const daysLater of [0, 1]) {
    const day = dayAt(new Date(), inmanPark.timeZone, daysLater)
    const body = {
      hubId: hub.id,
      driverId: driver.id,
      vehicleId: van.id,
      start: momentOf(day, shiftHours.start, inmanPark.timeZone).toISOString(),
      end: momentOf(day, shiftHours.end, inmanPark.timeZone).toISOString(),
    }
    shifts.push(await requestExpecting(201, 'POST', `${entrance.gatewayUrl}/v1/shifts`, { token, body }))
  }
  return { hub, driver, vehicle: van, shifts }
}

/** The first window of tomorrow at the hub that takes orders, so that the hour of the test run does not matter. */
export async function firstOpenWindow(
  { gatewayUrl }: Pick<Entrance, 'gatewayUrl'>,
  customer: Partial<Pick<Person, 'token'>> = {},
): Promise<DeliveryWindow> {
  const { latitude, longitude } = nearbyAddress
  const date = dayAt(new Date(), inmanPark.timeZone, 1)
  const url = `${gatewayUrl}/v1/delivery-windows?latitude=${latitude}&longitude=${longitude}&date=${date}`
  const answer: { items: DeliveryWindow[] } = await requestExpecting(200, 'GET', url, {
    token: customer.token,
  })
  const open = answer.items.find(({ available }) => available)
  if (open === undefined) throw new Error(`No delivery window is open on ${date}: ${JSON.stringify(answer)}`)
  return open
}

/** The body of a checkout that succeeds, unless `changes` say otherwise. */
export function checkoutBody(
  items: readonly { productId: string; quantity: number }[],
  window: Pick<DeliveryWindow, 'start' | 'end'>,
  changes: Record<string, unknown> = {},
) {
  return {
    items,
    address: nearbyAddress,
    deliveryWindow: { start: window.start, end: window.end },
    payment: { method: 'card', token: 'tok_visa' },
    ...changes,
  }
}
