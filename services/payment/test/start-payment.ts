import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createSandbox } from '@urbanbloom/payment-sandbox/sandbox'
import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import pg from 'pg'
import { Stripe } from 'stripe'
import { readConfig } from '../src/config.ts'
import { createPaymentService } from '../src/service.ts'

export const INTERNAL_TOKEN = 'an-internal-token-for-the-tests-only'
export const API_KEY = 'sk_test_payment'
export const WEBHOOK_SECRET = 'whsec_payment_tests'
export const SETTLE_DELAY_MS = 2_500

type Told = { type: string; data: { orderId: string; paymentId: string; status: string } }

/** The payment service with Postgres, the sandbox as its provider, and stand-ins for `order` and `auth`'s keys. */
export async function startPayment(options: { environment?: Record<string, string> } = {}) {
  const database = await createTestDatabase()
  const peers = await startPeers()
  const sandbox = await startSandbox()
  const config = readConfig({
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    INTERNAL_TOKEN,
    DATABASE_URL: database.urlFor('payment'),
    AUTH_URL: peers.url,
    ORDER_URL: peers.url,
    STRIPE_API_URL: sandbox.url,
    STRIPE_API_KEY: API_KEY,
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    STRIPE_IS_SANDBOX: 'true',
    STRIPE_TIMEOUT_MS: '1000',
    SETTLE_INTERVAL_MS: '50',
    SETTLE_AFTER_MS: '5000',
    ...options.environment,
  })
  const service = await createPaymentService(config)
  await service.start()
  const { port } = service.app.server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  const admin = new pg.Pool({
    connectionString: database.adminUrl,
    max: 2,
    options: '-c search_path=payments',
  })
  // Closing the database ends these connections from the other side.
  admin.on('error', () => undefined)
  const webhookUrl = `${url}/v1/payments/webhooks/stripe`
  const webhooks = (mode: string, delayMs = 0) =>
    sandbox.stripe.rawRequest('POST', '/_sandbox/webhooks', { mode, delayMs, url: webhookUrl })
  const intentsOf = async (orderId: string): Promise<Stripe.PaymentIntent[]> => {
    const path = `/_sandbox/payment_intents?metadata[order_id]=${orderId}`
    return (await sandbox.stripe.rawRequest('GET', path)).data
  }
  await webhooks('normal')

  return {
    url,
    service,
    sandbox,
    stripe: sandbox.stripe,
    told: peers.told,
    tokenFor: (role: 'ops' | 'customer') => peers.tokenFor(role),
    webhookUrl,
    webhooks,
    databaseUrl: database.urlFor('payment'),
    rows: async (sql: string, values: unknown[] = []) => (await admin.query(sql, values)).rows,
    call: (path: string, body: unknown = {}) =>
      request('POST', `${url}/internal/payments${path}`, { token: INTERNAL_TOKEN, body }),
    intentsOf,
    /** The one intent that an order has at the provider. */
    async intentOf(orderId: string): Promise<Stripe.PaymentIntent> {
      const [intent, ...more] = await intentsOf(orderId)
      if (intent === undefined || more.length > 0) throw new Error(`order ${orderId} has not one intent`)
      return intent
    },
    async close() {
      await service.close()
      await sandbox.close()
      await admin.end()
      await peers.close()
      await database.close()
    },
  }
}

export type Running = Awaited<ReturnType<typeof startPayment>>

export function authorization(token: string, more: Record<string, unknown> = {}) {
  return {
    orderId: newId(),
    customerId: newId(),
    amountCents: 5_445,
    currency: 'USD',
    token,
    split: { goodsCents: 4_500, deliveryCents: 500, taxCents: 445 },
    ...more,
  }
}

/** An order whose money is taken. */
export async function capturedPayment(running: Running): Promise<{ id: string; orderId: string }> {
  const input = authorization('tok_visa')
  const { body } = await running.call('', input)
  const captured = await running.call(`/${input.orderId}/capture`)
  if (captured.body.status !== 'captured') throw new Error(`not captured: ${JSON.stringify(captured.body)}`)
  return { id: body.id, orderId: input.orderId }
}

async function startSandbox() {
  const open = (port: number) =>
    createSandbox({
      host: '127.0.0.1',
      port,
      apiKey: API_KEY,
      webhookUrl: 'http://127.0.0.1:9/not-yet-known',
      webhookSecret: WEBHOOK_SECRET,
      dataDir: null,
      settleDelayMs: SETTLE_DELAY_MS,
      webhookEvents: null,
      webhookRetryDelaysMs: [50, 50, 100, 200],
    })
  let sandbox = open(0)
  const url = await sandbox.start()
  const stripe = new Stripe(API_KEY, {
    host: '127.0.0.1',
    port: new URL(url).port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
  return {
    url,
    stripe,
    close: () => sandbox.close(),
    /** Brings an empty one back at the same address. */
    async reopen() {
      sandbox = open(Number(new URL(url).port))
      await sandbox.start()
    },
  }
}

/** Takes `order`'s events and serves the keys that verify the tokens of `tokenFor`. */
async function startPeers() {
  const told: Told[] = []
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'EdDSA', use: 'sig' }] }
  const server: Server = createServer((incoming, response) => {
    if (incoming.url === '/.well-known/jwks.json') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jwks))
      return
    }
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      told.push(JSON.parse(Buffer.concat(chunks).toString()))
      response.writeHead(204).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    tokenFor(role: 'ops' | 'customer'): string {
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        sub: newId(),
        role,
        sid: newId(),
        iss: 'urbanbloom',
        aud: 'urbanbloom-api',
        iat: now,
        exp: now + 600,
      }
      const unsigned = `${encode({ alg: 'EdDSA', kid: 'test' })}.${encode(claims)}`
      return `${unsigned}.${sign(null, Buffer.from(unsigned), privateKey).toString('base64url')}`
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
