import type { Client } from './client.ts'
import type { FlashSale } from './profiles.ts'
import { goShopping } from './shopper.ts'
import { endedEarly, type Session, type World } from './world.ts'

/** Minutes over which the buyers come. */
const RUSH_MINUTES = 10

/** A plant that few will get. */
export async function putOnSale(client: Client, ops: Session, { pieces }: FlashSale): Promise<string> {
  const body = {
    sku: `SIM-${crypto.randomUUID().slice(0, 13).toUpperCase()}`,
    name: 'Variegated Monstera',
    botanicalName: 'Monstera deliciosa ‘Albo Variegata’',
    category: 'foliage',
    light: 'bright_indirect',
    water: 'medium',
    petSafe: false,
    priceCents: 12_900,
    weightGrams: 1_200,
    volumeMilliliters: 6_000,
    initialQuantity: pieces,
  }
  const { token } = ops
  const product = await client.expect(201, 'new plant', { method: 'POST', path: '/v1/products', token, body })
  return product.id
}

/** Everybody comes for it, and the first get it. */
export async function rush(world: World, sale: FlashSale, productId: string): Promise<void> {
  const { clock, chance } = world
  await clock.waitHours(sale.atHour - (clock.hours() % 24))
  const buyers = Array.from({ length: sale.buyers }, async () => {
    await clock.waitSeconds(chance.between(0, RUSH_MINUTES * 60))
    if (clock.signal.aborted) return
    await goShopping(world, [productId]).catch((err: unknown) => endedEarly(world, 'A rush', err))
  })
  await Promise.all(buyers)
}
