import { PASSWORD } from '@urbanbloom/local/seed-data'
import type { Purchase } from './buy.ts'
import type { Narrator } from './narrate.ts'

/** Logs in to one of the accounts that this machine alone knows. @returns the access token. */
export async function logIn({ call }: Narrator, email: string): Promise<string> {
  const { body } = await call('POST', '/v1/auth/login', { expect: 200, body: { email, password: PASSWORD } })
  return body.accessToken
}

/** The order's own event has to reach delivery-routing before there is something to plan. */
export async function waitForDelivery({ until }: Narrator, purchase: Purchase): Promise<void> {
  await until<{ status: string }>(`/v1/orders/${purchase.orderId}/tracking`, {
    token: purchase.customerToken,
    describe: 'the order waits to be planned',
    isThere: ({ status }) => status === 'confirmed' || status === 'scheduled',
  })
}

/** Until the order, as its customer sees it, has a status. */
export async function waitForOrder(
  { until, say }: Narrator,
  purchase: Purchase,
  status: string,
): Promise<void> {
  await until<{ order?: { status: string }; status?: string }>(`/v1/orders/${purchase.orderId}`, {
    token: purchase.customerToken,
    describe: status,
    isThere: (body) => (body.order ?? body).status === status,
  })
  say(`${purchase.number} is ${status}`)
}
