import { dayAt } from '@urbanbloom/local/hub-time'
import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { buy, openShop, settled } from '@urbanbloom/test-kit/buyers'
import { createDriver } from '@urbanbloom/test-kit/people'
import type { System } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type Api, bodyOf } from './api-client.ts'

type Shop = Awaited<ReturnType<typeof openShop>>

/** The van of the shop takes two plants of this weight. */
const HALF_A_VAN_GRAMS = 300_000

/** A shop with two vans and their drivers, each of which takes two of its plants. */
export async function openHeavyShop(system: System, api: Api) {
  const shop = await openShop(system, { weightGrams: HALF_A_VAN_GRAMS })
  const ops = api.as(shop.ops)
  const [driver, van] = await Promise.all([
    createDriver(system, shop.ops),
    ops.post('/v1/vehicles', {
      hubId: shop.hub.id,
      name: 'Van 2',
      capacity: { weightGrams: 2 * HALF_A_VAN_GRAMS, volumeMilliliters: 4_000_000 },
    }),
  ])
  const vehicleId: string = bodyOf(201, van).id
  const { items } = bodyOf(200, await ops.get(`/v1/shifts?driverId=${shop.driver.id}`))
  const { start, end } = items.at(-1)
  const shift = { driverId: driver.id, vehicleId, hubId: shop.hub.id, start, end }
  bodyOf(201, await ops.post('/v1/shifts', shift))
  return { ...shop, secondDriver: driver, shift, date: dayAt(new Date(), inmanPark.timeZone, 1) }
}

/** Orders of one plant each, all confirmed and known to delivery. */
export async function buyPlants(system: System, shop: Shop, count: number): Promise<string[]> {
  const orders: string[] = []
  for (let bought = 0; bought < count; bought += 1) {
    orders.push(bodyOf(201, await buy(system.gatewayUrl, shop.customer, shop.one())).order.id)
  }
  await settled(system)
  return orders
}

/** Plans the day and follows the plan until it is done. */
export async function planDay(api: Api, shop: Shop & { date: string }) {
  const ops = api.as(shop.ops)
  const { id } = bodyOf(202, await ops.post('/v1/dispatch/plans', { hubId: shop.hub.id, date: shop.date }))
  return waitFor(
    async () => {
      const plan = bodyOf(200, await ops.get(`/v1/dispatch/plans/${id}`))
      return plan.status === 'done' || plan.status === 'failed' ? plan : null
    },
    { describe: `the plan ${id} has ended`, timeoutMs: 30_000 },
  )
}
