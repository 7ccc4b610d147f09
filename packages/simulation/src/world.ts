import type { Chance } from './chance.ts'
import type { Neighbourhood } from './city.ts'
import type { Client } from './client.ts'
import type { Clock } from './clock.ts'
import type { Fault } from './faults.ts'
import type { Hub } from './fleet.ts'
import type { People } from './people.ts'
import type { Profile } from './profiles.ts'
import type { Due } from './punctuality.ts'
import type { Tally } from './tally.ts'

/** What all who act in the simulation share. */
export type World = {
  readonly client: Client
  readonly clock: Clock
  readonly chance: Chance
  readonly tally: Tally
  readonly profile: Profile
  readonly faults: ReadonlySet<Fault>
  readonly people: People
  readonly hubs: readonly Hub[]
  /** The calendar day (`2026-04-01`) for which everything is bought and on which it is driven. */
  readonly date: string
  readonly productIds: readonly string[]
  /** Orders by the customer who knows that they are paid, for the audit at the end. */
  readonly bought: Map<string, Purchase>
}

export type Purchase = {
  orderId: string
  customer: Customer
  hub: Neighbourhood
  totalCents: number
  items: { productId: string; quantity: number }[]
  /** When it has to come, by the simulation's clock; absent where no van could have been in time. */
  due: Due | undefined
}

export type Customer = Session & { email: string }

/** Somebody who is logged in. The token is renewed before it ends. */
export type Session = { token: string; refreshToken: string; renewAtMs: number }

/** Whom an outage has sent away is counted; without one nobody should be. */
export function endedEarly({ client, tally }: World, what: string, err: unknown): void {
  if (client.hasOutages) tally.count(`${what} ended by an outage`)
  else tally.surprise(`${what} ended early: ${String(err)}`)
}
