import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import {
  DeliveryAnswer,
  HoldDelivery,
  WindowLookup,
  WindowLookupAnswer,
} from '@urbanbloom/contracts/delivery'
import { Event } from '@urbanbloom/contracts/events'
import {
  ProductLookup,
  ProductLookupAnswer,
  ReservationAnswer,
  ReserveStock,
} from '@urbanbloom/contracts/inventory'
import { AuthorizePayment, PaymentAnswer, RefundAnswer, RefundPayment } from '@urbanbloom/contracts/payment'
import { newId } from '@urbanbloom/service-kit/ids'
import * as z from 'zod'

export type Answer = { status: number; body?: unknown }
type Call = { orderId: string; body: any }
type Respond = (call: Call) => Answer | Promise<Answer>

const Nothing = z.strictObject({})

/** Every call that `order` makes: its path, what it has to send, and what a 200 has to carry. */
const calls = {
  lookUpProducts: { path: '/internal/products/lookup', sent: ProductLookup, answer: ProductLookupAnswer },
  lookUpWindow: { path: '/internal/windows/lookup', sent: WindowLookup, answer: WindowLookupAnswer },
  reserveStock: { path: '/internal/reservations', sent: ReserveStock, answer: ReservationAnswer },
  releaseStock: { path: '/internal/reservations/:id/release', sent: Nothing, answer: ReservationAnswer },
  holdDelivery: { path: '/internal/deliveries', sent: HoldDelivery, answer: DeliveryAnswer },
  releaseDelivery: { path: '/internal/deliveries/:id/release', sent: Nothing, answer: DeliveryAnswer },
  authorize: { path: '/internal/payments', sent: AuthorizePayment, answer: PaymentAnswer },
  refresh: { path: '/internal/payments/:id/refresh', sent: Nothing, answer: PaymentAnswer },
  capture: { path: '/internal/payments/:id/capture', sent: Nothing, answer: PaymentAnswer },
  void: { path: '/internal/payments/:id/void', sent: Nothing, answer: PaymentAnswer },
  refund: { path: '/internal/payments/:id/refunds', sent: RefundPayment, answer: RefundAnswer },
  events: { path: '/internal/events', sent: Event, answer: z.unknown() },
} as const

export type StubPeers = Awaited<ReturnType<typeof startStubPeers>>
export type CallName = keyof typeof calls

/**
 * The services that `order` asks, as far as their contract goes: one server, since their paths differ. Everything
 * succeeds until a test sets `answer`; what was asked is kept in `log`.
 */
export async function startStubPeers() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'EdDSA', use: 'sig' }] }
  const log: { name: CallName; orderId: string; body: any }[] = []
  let answer: Partial<Record<CallName, Respond>> = {}

  async function respond(request: IncomingMessage): Promise<Answer> {
    if (request.url === '/.well-known/jwks.json') return { status: 200, body: jwks }
    const pattern = (request.url ?? '').replace(/[0-9a-f-]{36}/, ':id')
    const [name] = (Object.keys(calls) as CallName[]).filter((each) => calls[each].path === pattern)
    if (name === undefined) return refusal(404, 'route_not_found')
    const body = calls[name].sent.parse(await json(request)) as any
    const orderId: string =
      /[0-9a-f-]{36}/.exec(request.url ?? '')?.[0] ?? body.orderId ?? body.data?.orderId ?? ''
    log.push({ name, orderId, body })
    const given = await (answer[name] ?? defaults[name])({ orderId, body })
    if (given.status === 200) calls[name].answer.parse(given.body)
    return given
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const given = await respond(request).catch((err: unknown) => refusal(400, 'contract_broken', String(err)))
    response.writeHead(given.status, { 'content-type': 'application/json' })
    response.end(given.body === undefined ? undefined : JSON.stringify(given.body))
  }
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Has one call answer otherwise from now on. */
    answer: (name: CallName, given: Respond) => {
      answer[name] = given
    },
    /** Has everything succeed again. */
    recover: () => {
      answer = {}
    },
    /** How often `order` has made this call for an order. */
    count: (name: CallName, orderId: string) =>
      log.filter((call) => call.name === name && call.orderId === orderId).length,
    log,
    tokenFor(user: { id: string; role: string }): string {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
      const seconds = Math.floor(Date.now() / 1000)
      const claims = { iss: 'urbanbloom', aud: 'urbanbloom-api', sub: user.id, role: user.role, sid: user.id }
      const head = encode({ alg: 'EdDSA', kid: 'test' })
      const text = `${head}.${encode({ ...claims, iat: seconds, exp: seconds + 3_600 })}`
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const hubId = newId()
const windowId = newId()

/** How every call is answered while all is well. */
const defaults: Record<CallName, Respond> = {
  lookUpProducts: ({ body }) => ({
    status: 200,
    body: {
      products: body.productIds.map((id: string) => ({
        id,
        sku: `SKU-${id.slice(-4)}`,
        name: 'Swiss Cheese Plant',
        priceCents: 3_500,
        currency: 'USD',
        weightGrams: 3_000,
        volumeMilliliters: 12_000,
        withdrawn: false,
      })),
    },
  }),
  lookUpWindow: ({ body: { start, end } }) => ({
    status: 200,
    body: { hubId, baseFeeCents: 500, window: { id: windowId, start, end, feeCents: 500, available: true } },
  }),
  reserveStock: () => ({ status: 200, body: { status: 'held' } }),
  releaseStock: () => ({ status: 200, body: { status: 'released' } }),
  holdDelivery: () => ({ status: 200, body: { status: 'held' } }),
  releaseDelivery: () => ({ status: 200, body: { status: 'released' } }),
  authorize: ({ orderId }) => payment(orderId, 'authorized'),
  refresh: ({ orderId }) => payment(orderId, 'authorized'),
  capture: ({ orderId }) => payment(orderId, 'captured'),
  void: ({ orderId }) => payment(orderId, 'voided'),
  refund: ({ body }) => ({
    status: 200,
    body: { id: newId(), status: 'succeeded', amountCents: body.amountCents },
  }),
  events: () => ({ status: 204 }),
}

/** `payment`'s answer about an order; the payment has the order's id, so that it is always the same one. */
export function payment(orderId: string, status: PaymentAnswer['status']): Answer {
  const nextAction = status === 'requires_action' ? { nextAction: { type: 'three_d_secure' } } : {}
  return {
    status: 200,
    body: { id: orderId, orderId, status, amountCents: 4_356, currency: 'USD', ...nextAction },
  }
}

export function refusal(status: number, code: string, detail: string = code): Answer {
  const body = { type: 'about:blank', title: code, status, detail, instance: '/', code, requestId: 'stub' }
  return { status, body }
}

/** An answer that waits until the test opens it; `asked` resolves as soon as somebody waits. */
export function gate() {
  const opened = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<string>()
  return {
    asked: asked.promise,
    open: () => opened.resolve(),
    before:
      (respond: Respond): Respond =>
      async (call) => {
        asked.resolve(call.orderId)
        await opened.promise
        return respond(call)
      },
  }
}
