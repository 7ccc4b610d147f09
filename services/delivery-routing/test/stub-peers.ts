import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CreateAccount } from '@urbanbloom/contracts/accounts'
import type { Event } from '@urbanbloom/contracts/events'
import type * as z from 'zod'

type Account = z.infer<typeof CreateAccount>
type Outcome = 'open' | 'ended' | 'unknown'

/**
 * The services around this one, as far as their contract goes: `auth` with keys of its own, and `order` and
 * `inventory`, which keep the events that they get.
 */
export async function startStubPeers() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const accounts: Account[] = []
  const contacts: { id: string; email: string; name: string }[] = []
  const events: { to: 'order' | 'inventory'; event: Event }[] = []
  const outcomes = new Map<string, Outcome>()
  /** What the next calls answer instead, by path. */
  const failures = new Map<string, { status: number; code: string }>()

  const answers: Record<string, (body: any) => { status: number; body?: unknown }> = {
    '/auth/.well-known/jwks.json': () => ({
      status: 200,
      body: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'EdDSA', use: 'sig' }] },
    }),
    '/auth/internal/accounts': (account: Account) => {
      const taken = accounts.find(({ email }) => email === account.email)
      if (taken !== undefined && taken.id !== account.id) return problem(409, 'email_taken')
      if (taken === undefined) accounts.push(account)
      return { status: 200, body: { id: account.id } }
    },
    '/auth/internal/accounts/contacts': ({ ids }: { ids: string[] }) => ({
      status: 200,
      body: { contacts: contacts.filter(({ id }) => ids.includes(id)) },
    }),
    '/order/internal/orders/outcomes': ({ orderIds }: { orderIds: string[] }) => ({
      status: 200,
      body: {
        outcomes: orderIds.map((orderId) => ({ orderId, outcome: outcomes.get(orderId) ?? 'unknown' })),
      },
    }),
    '/order/internal/events': (event: Event) => {
      events.push({ to: 'order', event })
      return { status: 204 }
    },
    '/inventory/internal/events': (event: Event) => {
      events.push({ to: 'inventory', event })
      return { status: 204 }
    },
  }

  const servers = await Promise.all(['auth', 'order', 'inventory'].map((name) => listen(name)))
  async function listen(name: string): Promise<Server> {
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      const path = `/${name}${request.url}`
      const text = await readBody(request)
      const failure = failures.get(path)
      const { status, body } =
        failure !== undefined
          ? problem(failure.status, failure.code)
          : (answers[path]?.(text === '' ? undefined : JSON.parse(text)) ?? problem(404, 'route_not_found'))
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    }
    const server = createServer((request, response) => void answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  }
  const [authUrl = '', orderUrl = '', inventoryUrl = ''] = servers.map(
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  )

  return {
    authUrl,
    orderUrl,
    inventoryUrl,
    accounts,
    contacts,
    events,
    outcomes,
    failures,
    /** An access token as `auth` would sign it. */
    tokenFor(user: { id: string; role: string }): string {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
      const seconds = Math.floor(Date.now() / 1000)
      const claims = { iss: 'urbanbloom', aud: 'urbanbloom-api', sub: user.id, role: user.role, sid: user.id }
      const head = encode({ alg: 'EdDSA', kid: 'test' })
      const text = `${head}.${encode({ ...claims, iat: seconds, exp: seconds + 3_600 })}`
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
    },
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

export type StubPeers = Awaited<ReturnType<typeof startStubPeers>>

function problem(status: number, code: string) {
  const body = {
    type: 'about:blank',
    title: code,
    status,
    detail: code,
    instance: '/',
    code,
    requestId: 'stub',
  }
  return { status, body }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
