import type { Db } from '@urbanbloom/service-kit/db'
import type { Route } from '../dispatch/route.ts'
import { expectedArrivals } from './etas.ts'

/** Brings the ETAs of a started route's open stops up to date. */
export async function writeEtas(tx: Db, route: Route, now: Date): Promise<void> {
  const etas = [...expectedArrivals(route, now)]
  await tx.query(
    `update stops s set eta = new.eta from unnest($1::uuid[], $2::timestamptz[]) as new (id, eta)
     where s.id = new.id and s.eta <> new.eta`,
    [etas.map(([id]) => id), etas.map(([, eta]) => eta)],
  )
}
