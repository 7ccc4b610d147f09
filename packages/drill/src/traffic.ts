import type { Person } from '@urbanbloom/test-kit/people'
import { checkoutBody, type DeliveryWindow } from '@urbanbloom/test-kit/shop'
import type { Pool } from 'undici'
import type { Population } from './population.ts'

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

/** Out of a hundred requests. */
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

/** The requests of the mix over one population. What was bought is added to `bought`. */
export function createTraffic(pool: Pool, population: Population, bought: Bought): Record<Kind, Send> {
  const { customers, productIds, windows, address, date, driver } = population
  const customer = () => pick(customers)
  const lines = () =>
    shuffled(productIds)
      .slice(0, 1 + Math.floor(Math.random() * 2))
      .map((productId) => ({ productId, quantity: 1 }))
  const ask = (method: 'GET' | 'POST', path: string, options: Ask) => exchange(pool, method, path, options)
  const expectOk = async (method: 'GET' | 'POST', path: string, options: Ask) =>
    (await ask(method, path, options)).wrong
  return {
    catalog: () =>
      expectOk(
        'GET',
        Math.random() < 0.5 ? `/v1/products${pick(searches)}` : `/v1/products/${pick(productIds)}`,
        {},
      ),
    windows: () =>
      expectOk(
        'GET',
        `/v1/delivery-windows?latitude=${address.latitude}&longitude=${address.longitude}&date=${date}`,
        {},
      ),
    quote: () =>
      expectOk('POST', '/v1/quotes', { token: customer().token, body: { items: lines(), address } }),
    async checkout() {
      const buyer = customer()
      const body = checkoutBody(lines(), pick(windows) as DeliveryWindow, { address })
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const { wrong, text } = await ask('POST', '/v1/checkout', {
        token: buyer.token,
        body,
        headers,
        expect: 201,
      })
      if (wrong === undefined) bought.set(JSON.parse(text).order.id, buyer)
      return wrong
    },
    orders() {
      const latest = [...bought].at(-1 - Math.floor(Math.random() * 20))
      const [id, owner] = latest ?? [undefined, customer()]
      return expectOk('GET', id === undefined ? '/v1/orders' : `/v1/orders/${id}`, { token: owner.token })
    },
    login: () => {
      const { email, password } = customer()
      return expectOk('POST', '/v1/auth/login', { body: { email, password } })
    },
    profile: () => expectOk('GET', '/v1/me', { token: customer().token }),
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

/** A hundred kinds in the proportions of the mix and in random order, again and again. */
export function createDeck(): () => Kind {
  const all = Object.entries(shares).flatMap(([kind, share]) => Array<Kind>(share).fill(kind as Kind))
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
