import { newId } from '@urbanbloom/service-kit/ids'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { sweepReservations } from '../src/sweep-reservations.ts'
import { type InventoryUnderTest, type Outcome, startInventory } from './start-inventory.ts'

let inventory: InventoryUnderTest
let productId: string
beforeEach(async () => {
  inventory = await startInventory()
  onTestFinished(() => inventory.close())
  productId = (await inventory.createProduct({ initialQuantity: 500 })).id
})

/** A reservation of one plant whose time is up. */
async function expiredReservation(outcome?: Outcome): Promise<string> {
  const orderId = newId()
  await inventory.internal('/reservations', { orderId, lines: [{ productId, quantity: 1 }] })
  await inventory.db.query(
    `update reservations set expires_at = now() - interval '1 second' where order_id = $1`,
    [orderId],
  )
  if (outcome !== undefined) inventory.order.outcomes.set(orderId, outcome)
  return orderId
}

async function reservation(orderId: string) {
  const [row] = await inventory.db.query<{ status: string; minutes: number | null }>(
    `select status, round(extract(epoch from expires_at - now()) / 60)::float8 as minutes
     from reservations where order_id = $1`,
    [orderId],
  )
  return row
}

describe('the sweep', () => {
  test('lets go of what ended or never was, and holds on to what is open', async () => {
    const [ended, unknown, open] = [
      await expiredReservation('ended'),
      await expiredReservation('unknown'),
      await expiredReservation('open'),
    ]
    expect(await sweepReservations(inventory.ctx)).toBe(2)
    expect(await reservation(ended)).toEqual({ status: 'released', minutes: null })
    expect(await reservation(unknown)).toEqual({ status: 'released', minutes: null })
    expect(await reservation(open)).toEqual({ status: 'held', minutes: 15 })
    expect(await inventory.level(productId)).toEqual({ onHand: 500, reserved: 1 })
  })

  test('asks about an old open order less and less often', async () => {
    const orderId = await expiredReservation('open')
    const age = (text: string) =>
      inventory.db.query(
        `update reservations set created_at = now() - $2::interval, expires_at = now() - interval '1 second'
         where order_id = $1`,
        [orderId, text],
      )
    await age('2 hours')
    await sweepReservations(inventory.ctx)
    expect((await reservation(orderId))?.minutes).toBe(120)
    await age('3 days')
    await sweepReservations(inventory.ctx)
    expect((await reservation(orderId))?.minutes).toBe(360)
  })

  test('changes nothing when `order` does not answer, and asks again', async () => {
    const orderId = await expiredReservation('ended')
    await inventory.order.close()
    await expect(sweepReservations(inventory.ctx)).rejects.toThrow(/order/)
    expect(await reservation(orderId)).toMatchObject({ status: 'held', minutes: 1 })
    expect(await inventory.level(productId)).toEqual({ onHand: 500, reserved: 1 })
  })

  test('keeps what the answer does not mention', async () => {
    const orderId = await expiredReservation()
    expect(await sweepReservations(inventory.ctx)).toBe(0)
    expect(await reservation(orderId)).toMatchObject({ status: 'held' })
  })

  test('asks about nothing whose time is not up', async () => {
    await inventory.internal('/reservations', { orderId: newId(), lines: [{ productId, quantity: 1 }] })
    expect(await sweepReservations(inventory.ctx)).toBe(0)
    expect(inventory.order.asked).toEqual([])
  })

  test('goes in batches, and two processes never ask about the same order', async () => {
    const orders: string[] = []
    while (orders.length < 230) {
      orders.push(...(await Promise.all(Array.from({ length: 23 }, () => expiredReservation('ended')))))
    }
    const [first, second] = await Promise.all([
      sweepReservations(inventory.ctx),
      sweepReservations(inventory.ctx),
    ])
    expect(first + second).toBe(230)
    const asked = inventory.order.asked.flat()
    expect(asked.length).toBe(230)
    expect(new Set(asked)).toEqual(new Set(orders))
    expect(inventory.order.asked.every((batch) => batch.length <= 200)).toBe(true)
    expect(await inventory.level(productId)).toEqual({ onHand: 500, reserved: 0 })
  })
})
