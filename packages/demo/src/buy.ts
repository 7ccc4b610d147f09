import { dayAt } from '@urbanbloom/local/hub-time'
import { hub } from '@urbanbloom/local/seed-data'
import { check, clock, DemoStopped, dollars, type Narrator } from './narrate.ts'

type Product = {
  id: string
  name: string
  botanicalName: string
  light: string
  petSafe: boolean
  priceCents: number
  availableQuantity: number
}
type Window = { start: string; end: string; available: boolean; feeCents: number }
type Basket = {
  items: { productId: string; quantity: number }[]
  address: typeof address
  deliveryWindow: Omit<Window, 'available' | 'feeCents'>
}

/** What the rest of the story is about. */
export type Purchase = {
  customerToken: string
  orderId: string
  number: string
  totalCents: number
  date: string
}

/** Two orders ask for the basket: the one that is paid, and the one whose card is declined. */
const ORDERS = 2
/** How many plants are looked at for one of which enough are left, and how many of them are shown. */
const CANDIDATES = 30
const SHOWN = 3

const address = {
  recipient: 'Robin Fern',
  line1: '880 Edgewood Ave NE',
  city: 'Atlanta',
  region: 'GA',
  postalCode: '30307',
  latitude: 33.7567,
  longitude: -84.3598,
  instructions: 'The green door',
} as const

/** From a stranger to a customer with an order that is paid for. */
export async function buyPlants(tell: Narrator): Promise<Purchase> {
  const token = await register(tell)
  const items = await findPlants(tell)
  const { window, date } = await chooseWindow(tell)
  const basket = {
    items,
    address,
    deliveryWindow: { start: window.start, end: window.end },
  }
  const totalCents = await quote(tell, basket)
  const order = await buy(tell, { token, basket, totalCents })
  await buyWithBadCard(tell, { token, basket })
  return { customerToken: token, orderId: order.id, number: order.number, totalCents, date }
}

async function register({ step, call, say }: Narrator): Promise<string> {
  step('A customer registers')
  const { body } = await call('POST', '/v1/auth/register', {
    expect: 201,
    body: {
      email: `robin-${crypto.randomUUID().slice(0, 8)}@urbanbloom.test`,
      password: crypto.randomUUID(),
      name: 'Robin Fern',
    },
  })
  say(`201 ${body.user.name}, with an access token for ${body.expiresInSeconds / 60} minutes`)
  return body.accessToken
}

async function findPlants(tell: Narrator): Promise<Basket['items']> {
  const { step, call, say } = tell
  step('Searches, with a typo')
  const found = await call<{ items: Product[] }>(
    'GET',
    `/v1/products?search=monstra&inStock=true&limit=${CANDIDATES}`,
    { expect: 200 },
  )
  for (const { name, botanicalName, priceCents } of found.body.items.slice(0, SHOWN))
    say(`${name} (${botanicalName}), ${dollars(priceCents)}`)
  const monsteras = found.body.items.filter(({ name, botanicalName }) =>
    /monstera/i.test(name + botanicalName),
  )
  check(monsteras.length > 0, 'The search for "monstra" did not find a Monstera.')

  step('Filters: for a dark flat with a cat, the cheapest first')
  const path = `/v1/products?light=low&petSafe=true&inStock=true&sort=price&limit=${CANDIDATES}`
  const { body } = await call<{ items: Product[] }>('GET', path, { expect: 200 })
  for (const { name, priceCents } of body.items.slice(0, SHOWN))
    say(`${name}, ${dollars(priceCents)}, safe for pets, content with low light`)
  check(body.items.length > 0, 'No plant in stock is safe for pets and content with low light.')
  check(
    body.items.every(({ light, petSafe }) => light === 'low' && petSafe),
    'The filter let other plants through.',
  )
  check(
    !body.items.some(({ id }) => monsteras.some((monstera) => monstera.id === id)),
    'A Monstera is not safe for pets, and yet the filter found it.',
  )
  return [await takeEnough(tell, monsteras, 1), await takeEnough(tell, body.items, 2)]
}

/** The first of which enough are left. Lists may be some seconds old, so the plant itself is asked for. */
async function takeEnough(
  { call }: Narrator,
  plants: readonly Product[],
  quantity: number,
): Promise<Basket['items'][number]> {
  const needed = quantity * ORDERS
  for (const { id, availableQuantity } of plants) {
    if (availableQuantity < needed) continue
    const { body } = await call<Product>('GET', `/v1/products/${id}`, { expect: 200, isTold: false })
    if (body.availableQuantity >= needed) return { productId: id, quantity }
  }
  throw new DemoStopped(
    `Of no plant that was found are ${needed} left, as two orders need: add to the stock, or run "npm run reset".`,
  )
}

/** Tomorrow's first window that takes orders, so that the story works at any hour of the day. */
async function chooseWindow({ step, call, say }: Narrator): Promise<{ window: Window; date: string }> {
  step('Looks when the van could come')
  const date = dayAt(new Date(), hub.timeZone, 1)
  const path = `/v1/delivery-windows?latitude=${address.latitude}&longitude=${address.longitude}&date=${date}`
  const { body } = await call<{ items: Window[] }>('GET', path, { expect: 200 })
  const window = body.items.find(({ available }) => available)
  check(window !== undefined, `No delivery window has a place on ${date}.`)
  const open = body.items.filter(({ available }) => available).length
  say(`${open} windows have a place; takes ${spanOf(window)} for ${dollars(window.feeCents)}`)
  return { window, date }
}

async function quote({ step, call, say }: Narrator, basket: Basket): Promise<number> {
  step('Asks what it would cost')
  const { body } = await call('POST', '/v1/quotes', {
    expect: 200,
    body: basket,
    note: '(two items, address, window)',
  })
  const { subtotalCents, deliveryFeeCents, taxCents, totalCents } = body
  say(
    `${dollars(subtotalCents)} plants + ${dollars(deliveryFeeCents)} delivery + ${dollars(taxCents)} tax = ${dollars(totalCents)}`,
  )
  check(
    subtotalCents + deliveryFeeCents + taxCents === totalCents,
    'The parts of the quote do not sum to its total.',
  )
  return totalCents
}

async function buy(
  { step, call, say }: Narrator,
  { token, basket, totalCents }: { token: string; basket: Basket; totalCents: number },
) {
  step('Buys, expecting exactly that total')
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const note = `(the same basket, tok_visa, Idempotency-Key ${headers['idempotency-key']})`
  const body = { ...basket, payment: { method: 'card', token: 'tok_visa' }, expectedTotalCents: totalCents }
  const first = await call('POST', '/v1/checkout', { expect: 201, token, headers, body, note })
  const { order } = first.body
  say(`201 order ${order.number} is ${order.status}, ${dollars(order.totalCents)} ${order.payment.status}`)
  check(
    order.status === 'confirmed' && order.totalCents === totalCents,
    'The order is not confirmed at the quoted total.',
  )

  step('The answer got lost on a train, so the app sends the same request with the same key again')
  const second = await call('POST', '/v1/checkout', { expect: 201, token, headers, body, note })
  check(second.headers['idempotency-replayed'] === 'true', 'The second answer is not marked as replayed.')
  check(second.body.order.id === order.id, 'The same key made a second order.')
  say(`201 the same order ${second.body.order.number}, Idempotency-Replayed: true; nothing was charged twice`)
  return order as { id: string; number: string }
}

async function buyWithBadCard(
  { step, call, say }: Narrator,
  { token, basket }: { token: string; basket: Basket },
): Promise<void> {
  step('Tries another order with a card that the bank declines')
  const { body } = await call('POST', '/v1/checkout', {
    expect: 402,
    token,
    headers: { 'idempotency-key': crypto.randomUUID() },
    body: { ...basket, payment: { method: 'card', token: 'tok_declined' } },
    note: '(the same basket, tok_declined, a new Idempotency-Key)',
  })
  check(body.code === 'payment_declined', `The refusal is ${body.code} instead of payment_declined.`)
  say(`402 ${body.code}: ${body.detail}; plants and window are given back`)
}

function spanOf({ start, end }: Pick<Window, 'start' | 'end'>): string {
  return `${clock(start, hub.timeZone)}–${clock(end, hub.timeZone).slice(-5)}`
}
