import type { Purchase, World } from './world.ts'

const EVERY_HOURS = 0.5
const PATIENCE_HOURS = 24

/** What becomes of a purchase in the eyes of its customer: second thoughts, looking where it is, complaints. */
export async function followUp(world: World, purchase: Purchase): Promise<void> {
  const { chance, faults, clock } = world
  if (chance.is(faults.has('regrets') ? 0.2 : 0.04)) {
    await clock.waitHours(chance.between(0.1, 2))
    if (await cancel(world, purchase)) return
  }
  await followUntilThere(world, purchase)
  const isUnhappy = chance.is(faults.has('broken-leaves') ? 0.5 : 0.03)
  if (world.tally.orders.get(purchase.orderId) !== 'delivered' || !isUnhappy) return
  await clock.waitHours(chance.between(0.1, 1))
  await claim(world, purchase)
}

async function cancel({ client, people, tally }: World, { orderId, customer }: Purchase): Promise<boolean> {
  const token = await people.tokenOf(customer)
  const path = `/v1/orders/${orderId}/cancel`
  const { status } = await client.ask('cancel', { method: 'POST', path, token })
  if (status === 200) tally.order(orderId, 'cancelled')
  return status === 200
}

/** Half of the customers look now and then; a few share the link. */
async function followUntilThere(world: World, { orderId, customer }: Purchase): Promise<void> {
  const { client, clock, chance, people, tally } = world
  const looks = chance.is(0.5)
  if (chance.is(0.1)) {
    const path = `/v1/orders/${orderId}/tracking-links`
    await client.ask('share link', { method: 'POST', path, token: await people.tokenOf(customer) })
  }
  for (let hours = 0; hours < PATIENCE_HOURS && !clock.signal.aborted; hours += EVERY_HOURS) {
    await clock.waitHours(EVERY_HOURS)
    const state = tally.orders.get(orderId)
    if (state === 'delivered' || state === 'failed' || state === 'cancelled') return
    if (looks && state === 'out for delivery') {
      const path = `/v1/orders/${orderId}/tracking`
      await client.ask('track', { path, token: await people.tokenOf(customer) })
    }
  }
}

async function claim({ client, people, chance, tally }: World, { orderId, customer, items }: Purchase) {
  const body = {
    reason: chance.pick(['A leaf is broken', 'The pot is cracked', 'One plant is missing']),
    items: items.slice(0, 1).map(({ productId }) => ({ productId, quantity: 1 })),
  }
  const token = await people.tokenOf(customer)
  // The order hears of its delivery by an event, a moment after the driver.
  const path = `/v1/orders/${orderId}/claims`
  const { status } = await client.ask('claim', { method: 'POST', path, token, body })
  tally.count(status === 201 ? 'claims' : 'claims refused')
}
