import { Failure } from '@urbanbloom/local/failure'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { registerCustomer } from '@urbanbloom/test-kit/people'
import { checkoutBody, firstOpenWindow, nearbyAddress } from '@urbanbloom/test-kit/shop'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import type { Cluster } from './connection.ts'

const DELIVERY_LIMIT_MS = 30_000

type Product = { id: string; name: string; priceCents: number }

/**
 * Buys one plant through the gateway, as a customer who registers for it, and cancels the order again. Where cards
 * are real it stops before the money: it looks at plants, windows and the price.
 * @returns what was done, in a sentence.
 * @throws Failure that names the step that did not work.
 */
export async function buyPlant(gatewayUrl: string, { isSandbox }: { isSandbox: boolean }): Promise<string> {
  const customer = await step('register a customer', () => registerCustomer({ gatewayUrl }))
  const { token } = customer
  const { items } = await step('read the catalog', () =>
    requestExpecting<{ items: Product[] }>(200, 'GET', `${gatewayUrl}/v1/products?inStock=true&limit=1`),
  )
  const plant = items[0]
  if (plant === undefined) throw new Failure('No plant is in stock, so none can be bought.')
  const window = await step('find an open delivery window', () => firstOpenWindow({ gatewayUrl }))
  const lines = [{ productId: plant.id, quantity: 1 }]
  const quote = await step('ask for the price', () =>
    requestExpecting(200, 'POST', `${gatewayUrl}/v1/quotes`, {
      token,
      body: { items: lines, address: nearbyAddress },
    }),
  )
  if (!isSandbox) {
    return (
      `A customer registered (${customer.email}), found ${plant.name} and an open window, and was told the price of ` +
      `${quote.totalCents} cents. Nothing was bought, because cards are real here.`
    )
  }
  const order = await step('check out', () => checkOut(gatewayUrl, token, checkoutBody(lines, window)))
  await step('follow the order', () => waitUntilTracked(gatewayUrl, token, order.id))
  await step('cancel the order', () =>
    requestExpecting(200, 'POST', `${gatewayUrl}/v1/orders/${order.id}/cancel`, { token, body: {} }),
  )
  return `Bought ${plant.name} for ${order.totalCents} cents as ${order.number}, saw it in the tracking, and cancelled it.`
}

/** Whether the cards are the sandbox's, as the Deployment of `payment` says. */
export async function isSandboxed({ apps, namespace }: Cluster): Promise<boolean> {
  const { spec } = await apps.readNamespacedDeployment({ name: 'payment', namespace })
  const variables = spec?.template.spec?.containers.flatMap(({ env = [] }) => env) ?? []
  return variables.some(({ name, value }) => name === 'STRIPE_IS_SANDBOX' && value === 'true')
}

async function checkOut(gatewayUrl: string, token: string, body: object) {
  const { order } = await requestExpecting(201, 'POST', `${gatewayUrl}/v1/checkout`, {
    token,
    body,
    headers: { 'idempotency-key': crypto.randomUUID() },
  })
  return order as { id: string; number: string; totalCents: number }
}

/** The order's event has come through the queue once the delivery is known. */
function waitUntilTracked(gatewayUrl: string, token: string, orderId: string): Promise<unknown> {
  return waitFor(
    async () => {
      const { status, body } = await request('GET', `${gatewayUrl}/v1/orders/${orderId}/tracking`, { token })
      return status === 200 && body.status !== 'pending'
    },
    { describe: 'the delivery of the order is confirmed', timeoutMs: DELIVERY_LIMIT_MS },
  )
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (err) {
    throw new Failure(`The pods are well, but it was not possible to ${what}: ${(err as Error).message}`, {
      cause: err,
    })
  }
}
