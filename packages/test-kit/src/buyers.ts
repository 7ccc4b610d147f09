import { audit } from './audit.ts'
import { type HttpAnswer, request, requestExpecting } from './http.ts'
import { createOps, type Person, registerCustomer } from './people.ts'
import { checkoutBody, createFleet, createProduct, firstOpenWindow } from './shop.ts'
import type { System } from './system.ts'
import { waitFor } from './wait-for.ts'

/** A shop that is open: ops, a hub with a van, a product in stock, a customer, a window. */
export async function openShop(system: System, product: Record<string, unknown> = {}) {
  const ops = await createOps(system)
  const fleet = await createFleet(system, ops)
  const [plant, customer] = await Promise.all([createProduct(system, ops, product), registerCustomer(system)])
  const window = await firstOpenWindow(system)
  const one = (changes: Record<string, unknown> = {}) =>
    checkoutBody([{ productId: plant.id, quantity: 1 }], window, changes)
  return { ops, ...fleet, plant, customer, window, one }
}

/** One checkout through a gateway. */
export function buy(
  gatewayUrl: string,
  customer: Pick<Person, 'token'>,
  body: unknown,
  key: string = crypto.randomUUID(),
): Promise<HttpAnswer> {
  return request('POST', `${gatewayUrl}/v1/checkout`, {
    token: customer.token,
    body,
    headers: { 'idempotency-key': key },
  })
}

/** A checkout with the token `token`, in the sandbox's vocabulary. */
export function paidWith(token: string) {
  return { payment: { method: 'card', token } }
}

export function readOrder(
  gatewayUrl: string,
  customer: Pick<Person, 'token'>,
  id: string,
): Promise<HttpAnswer> {
  return request('GET', `${gatewayUrl}/v1/orders/${id}`, { token: customer.token })
}

/** Waits until nothing is left to do anywhere and everything adds up. */
export async function settled(system: Pick<System, 'database'>, timeoutMs = 30_000): Promise<void> {
  await waitFor(
    async () => {
      const broken = await audit(system.database.adminUrl)
      if (broken.length > 0) throw new Error(broken.join('\n'))
      return true
    },
    { describe: 'every order has ended, nothing is left over, and the books balance', timeoutMs },
  )
}

/** A call that only the sandbox has: the bank's side, and the levers of tests. */
export function askSandbox(
  system: Pick<System, 'urlOf' | 'sandboxKey'>,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<any> {
  const url = `${system.urlOf('payment-sandbox')}/_sandbox${path}`
  return requestExpecting(200, method, url, { token: system.sandboxKey, body })
}

/** What the payment provider holds of an order: the truth about charges. */
export async function chargesOf(
  system: Pick<System, 'urlOf' | 'sandboxKey'>,
  orderId: string,
): Promise<{ id: string; status: string; amount: number }[]> {
  const { data } = await askSandbox(system, 'GET', `/payment_intents?limit=100&metadata[order_id]=${orderId}`)
  return data
}
