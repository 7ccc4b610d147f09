import type { Person } from '@urbanbloom/test-kit/people'
import { checkoutBody } from '@urbanbloom/test-kit/shop'
import type { Pool } from 'undici'
import type { Business, Population } from './population.ts'

/** One request of the mix. Resolves with undefined when it was answered as it should be, else with what was wrong. */
export type Send = () => Promise<string | undefined>

export type Kind =
  | 'catalog'
  | 'windows'
  | 'quote'
  | 'checkout'
  | 'orders'
  | 'login'
  | 'profile'
  | 'driver'
  | 'positions'

/** Out of a hundred requests, where all kinds are possible. */
const shares: Record<Kind, number> = {
  catalog: 33,
  windows: 8,
  quote: 7,
  checkout: 15,
  orders: 15,
  login: 3,
  profile: 5,
  driver: 8,
  positions: 6,
}

/** Orders that were answered with 201, by the customer who placed them. */
export type Bought = Map<string, Person>

const searches = [
  '',
  '?search=monstera',
  '?search=fern&sort=price',
  '?inStock=true&limit=20',
  '?petSafe=true',
]

export type Traffic = Partial<Record<Kind, Send>>

/** The requests of the mix that this population can send. What was bought is added to `bought`. */
export function createTraffic(pool: Pool, population: Population, bought: Bought): Traffic {
  const { customers, productIds, business } = population
  const people = business === undefined ? customers : [...customers, business.driver, business.ops]
  const expectOk = async (method: 'GET' | 'POST', path: string, options: Ask) =>
    (await exchange(pool, method, path, options)).wrong
  return {
    ...(business !== undefined && createBusinessTraffic(pool, { ...population, business }, bought)),
    catalog: () =>
      expectOk(
        'GET',
        Math.random() < 0.5 ? `/v1/products${pick(searches)}` : `/v1/products/${pick(productIds)}`,
        {},
      ),
    orders() {
      const latest = [...bought].at(-1 - Math.floor(Math.random() * 20))
      const [id, owner] = latest ?? [undefined, pick(customers)]
      return expectOk('GET', id === undefined ? '/v1/orders' : `/v1/orders/${id}`, { token: owner.token })
    },
    /** Keeps everybody's token fresh, too, because a long drill outlives them. */
    async login() {
      const person = pick(people)
      const { email, password } = person
      const { wrong, text } = await exchange(pool, 'POST', '/v1/auth/login', { body: { email, password } })
      if (wrong === undefined) person.token = JSON.parse(text).accessToken
      return wrong
    },
    profile: () => expectOk('GET', '/v1/me', { token: pick(customers).token }),
  }
}

type Trading = Omit<Population, 'business'> & { business: Business }

function createBusinessTraffic(
  pool: Pool,
  { customers, productIds, business }: Trading,
  bought: Bought,
): Traffic {
  const { windows, address, date, driver } = business
  const { latitude, longitude } = address
  const lines = () =>
    shuffled(productIds)
      .slice(0, 1 + Math.floor(Math.random() * 2))
      .map((productId) => ({ productId, quantity: 1 }))
  const expectOk = async (method: 'GET' | 'POST', path: string, options: Ask) =>
    (await exchange(pool, method, path, options)).wrong
  return {
    windows: () =>
      expectOk('GET', `/v1/delivery-windows?latitude=${latitude}&longitude=${longitude}&date=${date}`, {}),
    quote: () =>
      expectOk('POST', '/v1/quotes', { token: pick(customers).token, body: { items: lines(), address } }),
    async checkout() {
      const buyer = pick(customers)
      const body = checkoutBody(lines(), pick(windows), { address })
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const asked = { token: buyer.token, body, headers, expect: 201 }
      const { wrong, text } = await exchange(pool, 'POST', '/v1/checkout', asked)
      if (wrong === undefined) bought.set(JSON.parse(text).order.id, buyer)
      return wrong
    },
    driver: () => expectOk('GET', '/v1/driver/route', { token: driver.token }),
    positions: () =>
      expectOk('POST', '/v1/driver/positions', {
        token: driver.token,
        expect: 202,
        body: {
          positions: [{ recordedAt: new Date().toISOString(), ...placeNear(address), accuracyMeters: 8 }],
        },
      }),
  }
}

/** The kinds that can be sent, in the proportions of the mix and in random order, again and again. */
export function createDeck(traffic: Traffic): () => Kind {
  const all = Object.entries(shares).flatMap(([kind, share]) =>
    Array<Kind>(traffic[kind as Kind] === undefined ? 0 : share).fill(kind as Kind),
  )
  let left: Kind[] = []
  return () => {
    if (left.length === 0) left = shuffled(all)
    return left.pop() as Kind
  }
}

type Ask = { token?: string; body?: unknown; headers?: Record<string, string>; expect?: number }

/** One request, never repeated: what a client or a load balancer could mend by a second try counts as a failure. */
export async function exchange(
  pool: Pool,
  method: 'GET' | 'POST',
  path: string,
  { token, body, headers, expect = 200 }: Ask,
): Promise<{ wrong: string | undefined; text: string }> {
  const where = `${method} ${path.replace(/\?.*$/, '').replace(/[\da-f]{8}-[\da-f-]{27}/, ':id')}`
  try {
    const answer = await pool.request({
      method,
      path,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.body.text()
    if (answer.statusCode === expect) return { wrong: undefined, text }
    return { wrong: `${where} answered ${answer.statusCode}: ${text.slice(0, 300)}`, text }
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    return { wrong: `${where} got no answer: ${code ?? ''} ${message}`, text: '' }
  }
}

function placeNear({ latitude, longitude }: { latitude: number; longitude: number }) {
  return { latitude: latitude + Math.random() / 1_000, longitude: longitude + Math.random() / 1_000 }
}

function pick<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}
