import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { EventData, EventType } from '@urbanbloom/contracts/events'
import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { readConfig } from '../src/config.ts'
import { recoverOrders } from '../src/recover-orders.ts'
import { createOrderService } from '../src/service.ts'
import { type StubPeers, startStubPeers } from './stub-peers.ts'

const INTERNAL_TOKEN = 'an-internal-token-for-the-tests-only'
export const LEASE_MS = 20_000
const HOUR_MS = '3600000'

export type OrderUnderTest = Awaited<ReturnType<typeof startOrder>>

/** One replica on a free port. Recovery runs only when a test calls `recover`. */
export async function startReplica(
  { databaseUrl, peers, objectsUrl }: { databaseUrl: string; peers: StubPeers; objectsUrl: string },
  env: Record<string, string> = {},
) {
  const service = await createOrderService(
    readConfig({
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
      INTERNAL_TOKEN,
      DATABASE_URL: databaseUrl,
      AUTH_URL: peers.url,
      INVENTORY_URL: peers.url,
      DELIVERY_ROUTING_URL: peers.url,
      PAYMENT_URL: peers.url,
      OBJECT_STORE_URL: objectsUrl,
      CHECKOUT_LEASE_MS: String(LEASE_MS),
      RECOVERY_INTERVAL_MS: HOUR_MS,
      ...env,
    }),
  )
  await service.start()
  const url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`
  return { url, ctx: service.ctx, recover: () => recoverOrders(service.ctx), close: () => service.close() }
}

/** The service with a database of its own and stand-ins for its peers. */
export async function startOrder() {
  const database = await createTestDatabase()
  const peers = await startStubPeers()
  const objects = await mkdtemp(join(tmpdir(), 'order-objects-'))
  const base = { databaseUrl: database.urlFor('order'), peers, objectsUrl: pathToFileURL(objects).href }
  const replica = await startReplica(base)
  const { ctx, url } = replica
  const customer = { id: newId(), role: 'customer' }
  const token = peers.tokenFor(customer)
  const ops = peers.tokenFor({ id: newId(), role: 'ops' })

  const row = async (id: string): Promise<any> => {
    const [found] = await ctx.db.query(
      `select *, extract(epoch from lease_until - now()) * 1000 as lease_left_ms from orders where id = $1`,
      [id],
    )
    return found
  }
  const buy = (
    options: { key?: string; at?: string; headers?: Record<string, string>; more?: object } = {},
  ) =>
    request('POST', `${options.at ?? url}/v1/checkout`, {
      token,
      body: { ...basket, ...options.more },
      headers: { 'idempotency-key': options.key ?? newId(), ...options.headers },
    })

  return {
    ...replica,
    token,
    ops,
    productId: basket.items[0]?.productId ?? '',
    peers,
    adminUrl: database.adminUrl,
    /** Stops the first replica, which takes every job of the queue. */
    stopFirst: () => replica.close(),
    row,
    buy,
    replica: (env: Record<string, string>) => startReplica(base, env),
    /** Buys and gives the order's id; the checkout has to succeed. */
    async confirmed(): Promise<string> {
      const { status, body } = await buy()
      if (status !== 201) throw new Error(`The checkout answered ${status}: ${JSON.stringify(body)}`)
      return body.order.id
    },
    cancel: (id: string) => request('POST', `${url}/v1/orders/${id}/cancel`, { token, body: {} }),
    /** Claims the one plant of a delivered order. */
    claim: (id: string) =>
      request('POST', `${url}/v1/orders/${id}/claims`, {
        token,
        body: { reason: 'The leaves are broken', items: basket.items },
      }),
    /** Has ops decide on a claim: refund it, unless something else is said. */
    resolve: (claimId: string, body: object = { action: 'refund' }) =>
      request('POST', `${url}/v1/claims/${claimId}/resolve`, { token: ops, body }),
    read: (id: string) => request('GET', `${url}/v1/orders/${id}`, { token }),
    async tell<Type extends EventType>(type: Type, data: EventData<Type>, id: string = newId()) {
      const { status, body } = await request('POST', `${url}/internal/events`, {
        token: INTERNAL_TOKEN,
        body: { id, type, occurredAt: new Date().toISOString(), data },
      })
      if (status !== 204) throw new Error(`The event was answered ${status}: ${JSON.stringify(body)}`)
    },
    /** Has the order's lease run out, as if its process had died a while ago. */
    expireLease: (id: string) =>
      ctx.db.query(`update orders set lease_until = now() - interval '1 second' where id = $1`, [id]),
    async close() {
      await replica.close()
      await peers.close()
      await database.close()
      await rm(objects, { recursive: true, force: true })
    },
  }
}

const basket = {
  items: [{ productId: newId(), quantity: 1 }],
  address: {
    recipient: 'Ada Green',
    line1: '1 Elizabeth St NE',
    city: 'Atlanta',
    region: 'GA',
    postalCode: '30307',
    latitude: 33.757,
    longitude: -84.353,
  },
  deliveryWindow: { start: '2030-05-01T14:00:00.000Z', end: '2030-05-01T16:00:00.000Z' },
  payment: { method: 'card', token: 'tok_visa' },
}
