import { generateKeyPairSync, sign } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { newId } from '@urbanbloom/service-kit/ids'
import { type HttpAnswer, request, requestExpecting } from '@urbanbloom/test-kit/http'
import { createTestDatabase, testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { readConfig } from '../src/config.ts'
import { createInventoryService } from '../src/service.ts'

const internalToken = 'internal-token-of-the-tests-0123456789'
const keys = generateKeyPairSync('ed25519')

export type InventoryUnderTest = Awaited<ReturnType<typeof startInventory>>
export type Outcome = 'open' | 'ended' | 'unknown'

/** The real service on a free port, with stand-ins for the two services that it asks. */
export async function startInventory(
  options: { redisUrl?: string; env?: Record<string, string>; jobs?: boolean } = {},
) {
  const database = await createTestDatabase()
  const auth = await startServer((_path, _body) => ({ keys: [publicKey()] }))
  const outcomes = new Map<string, Outcome>()
  const asked: string[][] = []
  const order = await startServer((_path, body) => {
    const { orderIds } = body as { orderIds: string[] }
    asked.push(orderIds)
    return {
      outcomes: orderIds.flatMap((orderId) => {
        const outcome = outcomes.get(orderId)
        return outcome === undefined ? [] : [{ orderId, outcome }]
      }),
    }
  })
  const service = await createInventoryService(
    readConfig({
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
      INTERNAL_TOKEN: internalToken,
      DATABASE_URL: database.urlFor('inventory'),
      REDIS_URL: options.redisUrl ?? (await testRedisUrl()),
      AUTH_URL: auth.url,
      ORDER_URL: order.url,
      // The tests sweep by hand.
      RESERVATION_SWEEP_INTERVAL_MS: '3600000',
      ...options.env,
    }),
  )
  await service.start()
  const url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`
  const ops = signToken('ops')
  const call = (...[method, path, rest]: Parameters<typeof request>): Promise<HttpAnswer> =>
    request(method, `${url}${path}`, rest)

  return {
    url,
    ops,
    db: service.ctx.db,
    ctx: service.ctx,
    call,
    get: (path: string, headers: Record<string, string> = {}) => call('GET', path, { headers }),
    internal: (path: string, body: unknown) =>
      call('POST', `/internal${path}`, { token: internalToken, body }),
    /** What the stand-in for `order` says of orders, and what it was asked. */
    order: { outcomes, asked, close: order.close },
    createProduct: (changes: Record<string, unknown> = {}) =>
      requestExpecting(201, 'POST', `${url}/v1/products`, {
        token: ops,
        body: { ...newProduct(), ...changes },
      }),
    change: (id: string, body: unknown) => call('PATCH', `/v1/products/${id}`, { token: ops, body }),
    adjust: (id: string, body: unknown, headers: Record<string, string> = {}) =>
      call('POST', `/v1/products/${id}/stock-adjustments`, { token: ops, body, headers }),
    async level(productId: string) {
      const [row] = await service.ctx.db.query<{ onHand: number; reserved: number }>(
        'select on_hand as "onHand", reserved from stock_levels where product_id = $1',
        [productId],
      )
      return row
    },
    async metric(nameWithLabels: string): Promise<number> {
      const { body } = await request<string>('GET', `${url}/metrics`)
      const lines = body.split('\n').map((line) => line.replace(/,?service="inventory"/, ''))
      return Number(
        lines
          .find((line) => line.startsWith(`${nameWithLabels} `))
          ?.split(' ')
          .at(-1) ?? 0,
      )
    },
    async close(): Promise<void> {
      await service.close()
      await Promise.all([auth.close(), order.close()])
      await database.close()
    },
  }
}

let made = 0

export function newProduct() {
  made += 1
  return {
    sku: `TEST-${made}-${crypto.randomUUID().slice(0, 8)}`,
    name: 'Swiss Cheese Plant',
    botanicalName: 'Monstera deliciosa',
    category: 'foliage',
    light: 'bright_indirect',
    water: 'medium',
    petSafe: false,
    priceCents: 3_500,
    weightGrams: 3_000,
    volumeMilliliters: 12_000,
    initialQuantity: 100,
  }
}

/** An access token as `auth` signs it. */
export function signToken(role: string, subject = newId()): string {
  const now = Math.floor(Date.now() / 1000)
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = { iss: 'urbanbloom', aud: 'urbanbloom-api', sub: subject, role, iat: now, exp: now + 600 }
  const input = `${encode({ alg: 'EdDSA', kid: 'test' })}.${encode(claims)}`
  return `${input}.${sign(null, Buffer.from(input), keys.privateKey).toString('base64url')}`
}

function publicKey() {
  return { ...keys.publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'EdDSA', use: 'sig' }
}

async function startServer(answer: (path: string, body: unknown) => unknown) {
  const server = http.createServer((incoming, outgoing) => {
    void (async () => {
      const body = incoming.method === 'POST' ? await json(incoming) : undefined
      outgoing.setHeader('content-type', 'application/json')
      outgoing.end(JSON.stringify(answer(incoming.url ?? '', body)))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
