import type { Db } from '@urbanbloom/service-kit/db'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'

const ACTIVITY_EVERY_MS = 60_000

/**
 * Who was here lately, and how long the active key has signed. A session is used when it is opened and each time its
 * access token is renewed, so the shortest window that means something is the life of that token.
 */
export function measureAccounts(db: Db, metrics: Metrics, keyAgeMs: number): void {
  const activity = createSampled(
    () =>
      db.query<{ quarter: number; hour: number; day: number }>(
        `select count(distinct account_id) filter (where last_used_at > now() - interval '15 minutes') as quarter,
                count(distinct account_id) filter (where last_used_at > now() - interval '1 hour') as hour,
                count(distinct account_id) as day
         from sessions where last_used_at > now() - interval '1 day'`,
      ),
    { everyMs: ACTIVITY_EVERY_MS },
  )
  metrics.sampled('active_users', 'Accounts in use, by time span', ['within'], activity, (gauge, [row]) => {
    gauge.set({ within: '15m' }, row?.quarter ?? 0)
    gauge.set({ within: '1h' }, row?.hour ?? 0)
    gauge.set({ within: '1d' }, row?.day ?? 0)
  })

  const key = createSampled(async () => {
    const [row] = await db.query<{ age: number }>(
      `select extract(epoch from now() - activated_at)::double precision as age
       from signing_keys where state = 'active'`,
    )
    if (row === undefined) throw new Error('No key signs yet')
    return row.age
  })
  metrics.sampled('signing_key_age_seconds', 'How long the active key has signed', [], key, (gauge, age) =>
    gauge.set(age),
  )
  metrics.gauge('signing_key_max_age_seconds', 'At which age a key is to be replaced', [], (gauge) =>
    gauge.set(keyAgeMs / 1000),
  )
}
