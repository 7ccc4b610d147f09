import type { Db } from '@urbanbloom/service-kit/db'
import type { Route } from '../dispatch/route.ts'
import { expectedArrivals } from '../eta/expected-arrivals.ts'
import { readKnowledge } from '../eta/knowledge.ts'

/** Brings the ETAs of a started route's open stops up to date. @returns them by stop. */
export async function writeEtas(tx: Db, route: Route, now: Date): Promise<Map<string, Date>> {
  const etas = expectedArrivals(route, await readKnowledge(tx, route, now))
  await tx.query(
    `update stops s set eta = new.eta from unnest($1::uuid[], $2::timestamptz[]) as new (id, eta)
     where s.id = new.id and s.eta <> new.eta`,
    [[...etas.keys()], [...etas.values()]],
  )
  return etas
}
