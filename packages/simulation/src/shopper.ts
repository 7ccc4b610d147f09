import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { addressNear } from './city.ts'
import type { Answer } from './client.ts'
import type { Hub } from './fleet.ts'
import { followUp } from './follow-up.ts'
import { type Due, dueOf } from './punctuality.ts'
import type { Customer, World } from './world.ts'

/** How many people look around for one who buys. */
export const VISITS_PER_ORDER = 3
const MAX_TRIES = 4
/** How often a customer looks whether a payment is settled, two seconds apart. */
const MAX_LOOKS = 60

const searches = [
  '',
  '?search=fern',
  '?search=monstera&sort=price',
  '?petSafe=true',
  '?light=low&inStock=true',
]

type Window = { start: string; end: string; available: boolean }
type Waiting = { order: { id: string }; nextAction?: object }
type Basket = {
  items: { productId: string; quantity: number }[]
  address: ReturnType<typeof addressNear>
  deliveryWindow: Pick<Window, 'start' | 'end'>
}
type Choice = { basket: Basket; due: Due | undefined }

/** One visit to the shop: everybody looks around, some buy, and of these some have more to say later. */
export async function visit(world: World): Promise<void> {
  const { tally, chance } = world
  tally.count('visits')
  await browse(world)
  if (!chance.is(1 / VISITS_PER_ORDER)) return
  await goShopping(world, chance.sample(world.productIds, chance.whole(1, 3)))
}

/** Somebody who wants exactly this. */
export async function goShopping(world: World, productIds: readonly string[]): Promise<void> {
  const { people, chance, tally } = world
  const customer = await people.somebody()
  const hub = chance.pick(world.hubs)
  const choice = await fillBasket(world, hub, productIds)
  if (choice === undefined) return tally.count('left: no window')
  const { basket, due } = choice
  const purchase = await buy(world, customer, basket)
  if (purchase === undefined) return
  const { id: orderId, totalCents } = purchase
  const bought = { orderId, customer, hub, totalCents, items: basket.items, due }
  if (world.bought.has(orderId)) tally.surprise(`The order ${orderId} was sold twice`)
  world.bought.set(orderId, bought)
  tally.order(orderId, 'confirmed')
  await followUp(world, bought)
}

async function browse({ client, clock, chance, productIds }: World): Promise<void> {
  for (let page = chance.whole(1, 3); page > 0; page -= 1) {
    await client.ask('browse', { path: `/v1/products${chance.pick(searches)}` })
    await clock.waitSeconds(chance.between(5, 30))
    const path = `/v1/products/${chance.pick(productIds)}`
    const { headers } = await client.ask('look', { path })
    await clock.waitSeconds(chance.between(10, 60))
    // Back to it: the app still has the page and asks whether it has changed.
    if (chance.is(0.3) && typeof headers.etag === 'string') {
      await client.ask('look again', { path, headers: { 'if-none-match': headers.etag } })
    }
  }
}

async function fillBasket(
  { client, chance, clock, date }: World,
  hub: Hub,
  productIds: readonly string[],
): Promise<Choice | undefined> {
  const address = addressNear(hub, chance)
  const { latitude, longitude } = address
  const path = `/v1/delivery-windows?latitude=${latitude}&longitude=${longitude}&date=${date}`
  const { status, body } = await client.ask<{ items: Window[] }>('windows', { path })
  const open = status === 200 ? body.items.filter(({ available }) => available) : []
  if (open.length === 0) return undefined
  // Whoever comes in the evening takes what there is.
  const dues = open.map((window) => ({
    window,
    due: dueOf(window, { date, timeZone: inmanPark.timeZone, nowHours: clock.hours() }),
  }))
  const ahead = dues.filter(({ due }) => due !== undefined)
  const choices = ahead.length > 0 ? ahead : dues
  // Every second customer wants it soon.
  const { window, due } = chance.is(0.5) ? (choices[0] as (typeof choices)[number]) : chance.pick(choices)
  const { start, end } = window
  const items = productIds.map((productId) => ({ productId, quantity: chance.is(0.8) ? 1 : 2 }))
  return { basket: { items, address, deliveryWindow: { start, end } }, due }
}

/** Until it is bought, or the customer has had enough. */
async function buy(world: World, customer: Customer, basket: Basket) {
  const { client, clock, tally, people } = world
  for (let attempt = 1; attempt <= MAX_TRIES && basket.items.length > 0; attempt += 1) {
    const quote = await client.ask('quote', { method: 'POST', path: '/v1/quotes', body: basket })
    await clock.waitSeconds(20)
    const body = {
      ...basket,
      payment: { method: 'card', token: chooseCard(world) },
      ...(quote.status === 200 && { expectedTotalCents: quote.body.totalCents }),
    }
    const answer = await checkOut(world, await people.tokenOf(customer), body)
    if (answer.status === 201) return answer.body.order
    if (answer.status === 202) return settle(world, customer, answer.body)
    const code = answer.status === 0 ? 'no answer' : String(answer.body.code)
    tally.count(`refused: ${code}`)
    if (code === 'out_of_stock') dropFrom(basket, answer.body.productId)
    if (code === 'window_unavailable') return undefined
    await clock.waitSeconds(30)
  }
  tally.count('left: gave up')
  return undefined
}

function dropFrom(basket: Basket, productId: string | undefined): void {
  basket.items = productId === undefined ? [] : basket.items.filter((item) => item.productId !== productId)
}

function chooseCard({ chance, faults }: World): string {
  if (chance.is(faults.has('bad-cards') ? 1 / 3 : 0.02)) {
    return chance.pick(['tok_declined', 'tok_insufficient_funds'])
  }
  if (chance.is(faults.has('slow-bank') ? 0.25 : 0.01)) return chance.pick(['tok_timeout', 'tok_flaky'])
  return chance.is(0.03) ? 'tok_3ds' : 'tok_visa'
}

/** One checkout under one key, as impatient people and bad connections make it. */
async function checkOut({ client, clock, chance, faults, tally }: World, token: string, body: unknown) {
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const send = () => client.ask('checkout', { method: 'POST', path: '/v1/checkout', token, body, headers })
  if (chance.is(faults.has('double-clicks') ? 0.5 : 0.01)) {
    tally.count('double clicks')
    const [one, other] = await Promise.all([send(), send()])
    return theSame(tally, one, other)
  }
  const first = await send()
  const isLost = chance.is(faults.has('lost-answers') ? 1 / 3 : 0.01)
  const isUnsettled =
    first.status === 0 || first.status === 503 || first.body?.code === 'idempotency_in_progress'
  if (!isLost && !isUnsettled) return first
  tally.count('answers lost')
  await clock.waitMs(1_000)
  const second = await send()
  return isUnsettled ? second : theSame(tally, first, second)
}

/** Two answers to one key tell of the same order. */
function theSame(tally: World['tally'], one: Answer, other: Answer): Answer {
  const [a, b] = [one.body?.order?.id, other.body?.order?.id]
  if (a !== undefined && b !== undefined && a !== b) tally.surprise(`One key bought the orders ${a} and ${b}`)
  return a === undefined ? other : one
}

/** The order waits: for the customer to approve the payment, or for the bank to say what became of it. */
async function settle(world: World, customer: Customer, { order, nextAction }: Waiting) {
  const { client, clock, chance, tally, people } = world
  if (nextAction !== undefined) {
    await clock.waitSeconds(30)
    const body = { outcome: chance.is(0.85) ? 'approve' : 'decline' }
    const path = `/v1/orders/${order.id}/payment-action`
    await client.ask('3-D Secure', { method: 'POST', path, token: await people.tokenOf(customer), body })
  }
  for (let look = 0; look < MAX_LOOKS && !clock.signal.aborted; look += 1) {
    const token = await people.tokenOf(customer)
    const { status, body } = await client.ask('look at order', { path: `/v1/orders/${order.id}`, token })
    if (status === 200 && body.status === 'confirmed') return body
    if (status === 200 && body.status === 'rejected') break
    await clock.waitMs(2_000)
  }
  tally.count('refused: at the bank')
  return undefined
}
