import { setTimeout as delay } from 'node:timers/promises'
import { buy, openShop } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import type { DrillSystem } from './drill-system.ts'

const PAUSE_MS = 250

export type Shop = { orderId: string }

/** Opens a shop and has somebody buy and a driver look about four times a second, whatever the answers are. */
export async function startTraffic(system: DrillSystem): Promise<{ shop: Shop; stop(): Promise<void> }> {
  const shop = await openShop(system as never, { initialQuantity: 10_000 })
  const checkout = () => buy(system.gatewayUrl, shop.customer, shop.one())
  const first = await checkout()
  if (first.status !== 201) throw new Error(`The first checkout answered ${first.status}`)

  let stopped = false
  const loop = async () => {
    while (!stopped) {
      // That calls fail is what the drill is about.
      await Promise.allSettled([
        checkout(),
        request('GET', `${system.gatewayUrl}/v1/driver/route`, { token: shop.driver.token }),
      ])
      await delay(PAUSE_MS)
    }
  }
  const running = loop()
  return {
    shop: { orderId: first.body.order.id },
    stop: () => {
      stopped = true
      return running
    },
  }
}
