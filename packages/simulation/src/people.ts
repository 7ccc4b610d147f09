import { PASSWORD } from '@urbanbloom/local/seed-data'
import type { Chance } from './chance.ts'
import { nameOfSomebody } from './city.ts'
import type { Client } from './client.ts'
import type { Customer, Session } from './world.ts'

export type People = ReturnType<typeof createPeople>

/** Beyond this many, nobody new registers: a shop's buyers are mostly those it knows. */
const MAX_CUSTOMERS = 2_000
const NEWCOMERS = 0.3
/** A token is renewed when this share of its life is over. */
const RENEW_AT = 0.8

type Tokens = { accessToken: string; refreshToken: string; expiresInSeconds: number }

/** Accounts: who registers, who logs in, and whose token is renewed. */
export function createPeople(client: Client, chance: Chance) {
  const customers: Customer[] = []

  async function logIn(email: string, password: string = PASSWORD): Promise<Session> {
    const body = { email, password }
    return toSession(await client.expect(200, 'log in', { method: 'POST', path: '/v1/auth/login', body }))
  }

  async function register(): Promise<Customer> {
    const email = `sim-${crypto.randomUUID()}@urbanbloom.test`
    const body = { email, password: PASSWORD, name: nameOfSomebody(chance) }
    const tokens = await client.expect(201, 'register', { method: 'POST', path: '/v1/auth/register', body })
    const customer = { email, ...toSession(tokens) }
    customers.push(customer)
    return customer
  }

  return {
    logIn,
    /** Somebody who wants to buy: known or new. */
    async somebody(): Promise<Customer> {
      const isNew = customers.length === 0 || (customers.length < MAX_CUSTOMERS && chance.is(NEWCOMERS))
      return isNew ? register() : chance.pick(customers)
    },
    /** A token that is good for a while. Whoever renews at the same time waits for the same answer. */
    async tokenOf(session: Session & { renewing?: Promise<void> }): Promise<string> {
      if (performance.now() >= session.renewAtMs) {
        session.renewing ??= renew(session).finally(() => {
          delete session.renewing
        })
        await session.renewing
      }
      return session.token
    },
  }

  async function renew(session: Session): Promise<void> {
    const { refreshToken } = session
    const path = '/v1/auth/refresh'
    const tokens = await client.expect(200, 'refresh', { method: 'POST', path, body: { refreshToken } })
    Object.assign(session, toSession(tokens))
  }
}

function toSession({ accessToken, refreshToken, expiresInSeconds }: Tokens): Session {
  const renewAtMs = performance.now() + expiresInSeconds * 1_000 * RENEW_AT
  return { token: accessToken, refreshToken, renewAtMs }
}
