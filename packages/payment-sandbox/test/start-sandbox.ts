import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Stripe } from 'stripe'
import { createSandbox } from '../src/sandbox.ts'

export const API_KEY = 'sk_test_sandbox'
export const WEBHOOK_SECRET = 'whsec_sandbox_secret'

export type Received = { event: Stripe.Event; at: number }

/** A webhook receiver that verifies with the SDK; `refuseNext` makes it answer 500 that many times. */
export async function startReceiver() {
  const received: Received[] = []
  const tries = { count: 0, refuseNext: 0 }
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      tries.count += 1
      if (tries.refuseNext > 0) {
        tries.refuseNext -= 1
        response.writeHead(500).end()
        return
      }
      const signature = String(request.headers['stripe-signature'])
      const event = new Stripe(API_KEY).webhooks.constructEvent(
        Buffer.concat(chunks),
        signature,
        WEBHOOK_SECRET,
      )
      received.push({ event, at: Date.now() })
      response.writeHead(200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${portOf(server)}/webhooks`
  return {
    url,
    received,
    tries,
    types: () => received.map((one) => one.event.type),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

type Overrides = { webhookUrl?: string; dataDir?: string | null; settleDelayMs?: number; timeoutMs?: number }

export async function startSandbox(overrides: Overrides = {}) {
  const sandbox = createSandbox({
    host: '127.0.0.1',
    port: 0,
    apiKey: API_KEY,
    webhookUrl: overrides.webhookUrl ?? 'http://127.0.0.1:9/nobody',
    webhookSecret: WEBHOOK_SECRET,
    dataDir: overrides.dataDir ?? null,
    settleDelayMs: overrides.settleDelayMs ?? 100,
    webhookEvents: null,
    webhookRetryDelaysMs: [20, 20, 20],
  })
  const url = await sandbox.start()
  const stripe = new Stripe(API_KEY, {
    host: '127.0.0.1',
    port: new URL(url).port,
    protocol: 'http',
    maxNetworkRetries: 0,
    timeout: overrides.timeoutMs ?? 2_000,
    telemetry: false,
  })
  return { sandbox, url, stripe, close: () => sandbox.close() }
}

/** The API takes a card's token here; the SDK's types do not list it, so it passes as a variable. */
export function card(token: string): Stripe.PaymentIntentCreateParams.PaymentMethodData {
  const data = { type: 'card' as const, card: { token } }
  return data
}

export function cardPayment(token: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) {
  return {
    amount: 4_200,
    currency: 'usd',
    capture_method: 'manual',
    confirm: true,
    payment_method_data: card(token),
    ...more,
  } satisfies Stripe.PaymentIntentCreateParams
}

/** The Stripe error that a call must end with. */
export async function errorOf(work: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await work
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error
    throw error
  }
  throw new Error('expected the call to be refused, but it succeeded')
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('the receiver does not listen on a port')
  return address.port
}
