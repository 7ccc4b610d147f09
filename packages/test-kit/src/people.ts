import { newId } from '@urbanbloom/service-kit/ids'
import { requestExpecting } from './http.ts'
import type { System } from './system.ts'

/** What builders need of a system. */
export type Entrance = Pick<System, 'gatewayUrl' | 'internalToken' | 'urlOf'>

export type Person = { id: string; email: string; password: string; token: string; refreshToken: string }

/** Long enough for every rule, and only ever used in tests. */
const PASSWORD = 'test-only-password'

type Tokens = { user: { id: string }; accessToken: string; refreshToken: string }

/** A new customer, registered through the gateway. */
export async function registerCustomer({ gatewayUrl }: Pick<Entrance, 'gatewayUrl'>): Promise<Person> {
  const email = uniqueEmail('customer')
  const body = { email, password: PASSWORD, name: 'Test Customer' }
  const tokens: Tokens = await requestExpecting(201, 'POST', `${gatewayUrl}/v1/auth/register`, { body })
  return toPerson(email, tokens)
}

/** A new member of the ops team, logged in. Such accounts are made by an internal call only. */
export async function createOps(entrance: Entrance): Promise<Person> {
  const email = uniqueEmail('ops')
  await requestExpecting(200, 'POST', `${entrance.urlOf('auth')}/internal/accounts`, {
    token: entrance.internalToken,
    body: { id: newId(), email, name: 'Test Ops', password: PASSWORD, role: 'ops' },
  })
  return logIn(entrance, email)
}

/** A new driver made by ops, logged in. The id is the driver's. */
export async function createDriver(entrance: Entrance, ops: Pick<Person, 'token'>): Promise<Person> {
  const email = uniqueEmail('driver')
  const { id } = await requestExpecting(201, 'POST', `${entrance.gatewayUrl}/v1/drivers`, {
    token: ops.token,
    body: { email, name: 'Test Driver', password: PASSWORD },
  })
  return { ...(await logIn(entrance, email)), id }
}

/** Logs in to an account that a builder made. */
export async function logIn({ gatewayUrl }: Pick<Entrance, 'gatewayUrl'>, email: string): Promise<Person> {
  const body = { email, password: PASSWORD }
  return toPerson(email, await requestExpecting(200, 'POST', `${gatewayUrl}/v1/auth/login`, { body }))
}

function toPerson(email: string, { user, accessToken, refreshToken }: Tokens): Person {
  return { id: user.id, email, password: PASSWORD, token: accessToken, refreshToken }
}

function uniqueEmail(role: string): string {
  return `${role}-${crypto.randomUUID()}@urbanbloom.test`
}
