import { dayAt } from '@urbanbloom/local/hub-time'
import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { requestExpecting } from '@urbanbloom/test-kit/http'
import { createOps, type Person, registerCustomer } from '@urbanbloom/test-kit/people'
import {
  checkoutBody,
  createHub,
  createProduct,
  type DeliveryWindow,
  nearbyAddress,
} from '@urbanbloom/test-kit/shop'
import { Pool } from 'undici'
import type { BenchSystem } from './bench-system.ts'
import type { Attempt } from './closed-loop.ts'

const PRODUCTS = 24
const AMPLE_STOCK = 1_000_000
const AMPLE_CAPACITY = 100_000
const TIMEOUT_MS = 20_000

export type Shop = {
  customers: readonly Person[]
  productIds: readonly string[]
  windows: readonly DeliveryWindow[]
}

/** A shop that never sells out: 24 products, one hub, tomorrow's windows, and customers who are logged in. */
export async function prepareShop(system: BenchSystem, customerCount: number): Promise<Shop> {
  const ops = await createOps(system)
  await createHub(system, ops, { windowCapacity: AMPLE_CAPACITY })
  const productIds: string[] = []
  for (let index = 0; index < PRODUCTS; index += 1) {
    const changes = {
      name: `Swiss Cheese Plant ${index}`,
      priceCents: 1_500 + 100 * index,
      initialQuantity: AMPLE_STOCK,
    }
    productIds.push((await createProduct(system, ops, changes)).id)
  }
  const customers: Person[] = []
  while (customers.length < customerCount) customers.push(await registerCustomer(system))
  return { customers, productIds, windows: await tomorrowsWindows(system) }
}

/** Checkouts of two different products each, over all products and windows, each with a key of its own. */
export function createCheckouts(system: BenchSystem, { customers, productIds, windows }: Shop) {
  const pool = new Pool(system.gatewayUrl, { connections: customers.length, headersTimeout: TIMEOUT_MS })
  const bodies = productIds.flatMap((productId, index) =>
    windows.map((window, shift) => {
      const other = productIds[(index + 1 + shift) % productIds.length] ?? productId
      const items = [
        { productId, quantity: 1 },
        { productId: other, quantity: 2 },
      ]
      return JSON.stringify(checkoutBody(items, window))
    }),
  )
  let next = 0
  const attempt: Attempt = async (client) => {
    next += 1
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/v1/checkout',
      headers: {
        authorization: `Bearer ${customers[client]?.token}`,
        'content-type': 'application/json',
        'idempotency-key': crypto.randomUUID(),
      },
      // A step that shares no factor with their number visits all of them in a scattered order.
      body: bodies[(next * 53) % bodies.length] ?? '',
    })
    const text = await body.text()
    return statusCode === 201 ? undefined : `${statusCode} ${text.slice(0, 200)}`
  }
  return { attempt, close: () => pool.close() }
}

async function tomorrowsWindows({ gatewayUrl }: BenchSystem): Promise<DeliveryWindow[]> {
  const { latitude, longitude } = nearbyAddress
  const date = dayAt(new Date(), inmanPark.timeZone, 1)
  const url = `${gatewayUrl}/v1/delivery-windows?latitude=${latitude}&longitude=${longitude}&date=${date}`
  const { items } = await requestExpecting<{ items: DeliveryWindow[] }>(200, 'GET', url)
  const open = items.filter(({ available }) => available)
  if (open.length === 0) throw new Error(`No delivery window is open on ${date}`)
  return open
}
