import type { Transport } from '@urbanbloom/contracts/transport'
import type { Db } from '@urbanbloom/service-kit/db'
import { serviceSecondsFor } from '../dispatch/route.ts'
import { classesOf, type Served, type ServiceHistory } from './service-times.ts'

/** The last weeks count; a stop that took longer than this was something else. */
const HISTORY_DAYS = 60
const LONGEST_STOP_SECONDS = 3_600
const SHORTEST_STOP_SECONDS = 20
const ROWS_AT_A_TIME = 5_000
/** Computed once in a night, and not twice by two replicas. */
const FRESH_HOURS = 20
/** Any constant of our own; two processes take turns on it. */
const LOCK = 'service_time_history'

/** What history tells of these stops, by class. */
export async function readServiceHistory(
  db: Db,
  hubId: string,
  stops: readonly Pick<Served, 'weightGrams' | 'address'>[],
): Promise<Map<string, ServiceHistory>> {
  const classes = [...new Set(stops.flatMap((stop) => classesOf(stop)))]
  const rows = await db.query<{ class: string; stops: number; mean_ratio: number }>(
    `select class, stops, mean_ratio from service_time_history
     where hub_id = $1 and class = any($2::text[])`,
    [hubId, classes],
  )
  return new Map(
    rows.map((row) => [row.class, { class: row.class, stops: row.stops, meanRatio: row.mean_ratio }]),
  )
}

type Sample = {
  id: string
  hub_id: string
  seconds: number
  weight_grams: number
  parcels: number
  transport: Transport
  latitude: number
  longitude: number
}

/**
 * Computes the history of service times anew from the stops of the last weeks; for a recurring job. It does so when
 * the last one is nearly a day old, on one replica at a time.
 * @returns whether it did.
 */
export async function learnServiceTimes(db: Db, now: Date): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean; fresh: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as mine,
              exists (select from service_time_history
                      where computed_at > $2::timestamptz - make_interval(hours => $3)) as fresh`,
      [LOCK, now, FRESH_HOURS],
    )
    if (turn === undefined || !turn.mine || turn.fresh) return false
    const totals = new Map<string, Total>()
    for (let after: string | null = null; ; ) {
      const samples: Sample[] = await readSamples(tx, now, after)
      for (const sample of samples) count(totals, sample)
      if (samples.length < ROWS_AT_A_TIME) break
      after = samples.at(-1)?.id ?? null
    }
    await writeHistory(tx, [...totals.values()], now)
    return true
  })
}

type Total = { hubId: string; class: string; stops: number; sum: number; squares: number }

function readSamples(tx: Db, now: Date, after: string | null): Promise<Sample[]> {
  return tx.query<Sample>(
    `select * from (
       select s.id, r.hub_id, d.weight_grams, d.parcels, d.transport, (d.address->>'latitude')::float8 as latitude,
              (d.address->>'longitude')::float8 as longitude,
              extract(epoch from s.completed_at - greatest(s.arrived_at, w.starts_at))::float8 as seconds
       from stops s join routes r on r.id = s.route_id
       join deliveries d on d.order_id = s.order_id join delivery_windows w on w.id = d.window_id
       where s.status = 'delivered' and s.arrived_at is not null
         and s.completed_at > $1::timestamptz - make_interval(days => $2)
         and ($3::uuid is null or s.id > $3::uuid)
     ) samples
     where seconds between $4 and $5 order by id limit $6`,
    [now, HISTORY_DAYS, after, SHORTEST_STOP_SECONDS, LONGEST_STOP_SECONDS, ROWS_AT_A_TIME],
  )
}

function count(totals: Map<string, Total>, sample: Sample): void {
  const stop = {
    weightGrams: sample.weight_grams,
    parcels: sample.parcels,
    transport: sample.transport,
    address: { latitude: sample.latitude, longitude: sample.longitude },
  }
  const ratio = sample.seconds / serviceSecondsFor(stop)
  for (const name of classesOf(stop)) {
    const key = `${sample.hub_id} ${name}`
    const total = totals.get(key) ?? { hubId: sample.hub_id, class: name, stops: 0, sum: 0, squares: 0 }
    total.stops += 1
    total.sum += ratio
    total.squares += ratio ** 2
    totals.set(key, total)
  }
}

async function writeHistory(tx: Db, totals: readonly Total[], now: Date): Promise<void> {
  await tx.query('delete from service_time_history')
  await tx.query(
    `insert into service_time_history (hub_id, class, stops, mean_ratio, variance, computed_at)
     select hub_id, class, stops, mean, variance, $6
     from unnest($1::uuid[], $2::text[], $3::integer[], $4::float8[], $5::float8[])
       as given (hub_id, class, stops, mean, variance)`,
    [
      totals.map(({ hubId }) => hubId),
      totals.map((total) => total.class),
      totals.map(({ stops }) => stops),
      totals.map(({ sum, stops }) => sum / stops),
      totals.map(({ sum, squares, stops }) => Math.max(0, squares / stops - (sum / stops) ** 2)),
      now,
    ],
  )
}
