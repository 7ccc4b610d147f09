import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'

/** `driver:<driver id>`: what changes on a driver's routes. `order:<order id>`: what its customer sees change. */
export type Stream = `driver:${string}` | `order:${string}`

export type NewRouteEvent = { stream: Stream; type: string; data: object }
export type RouteEvent = { sequence: number; type: string; data: object }

/** A reader who is further behind reads on. */
export const EVENTS_AT_A_TIME = 500
const KEPT_DAYS = 14

/**
 * Appends events, each with the next number of its stream. Streams are locked in one order, and last in a
 * transaction, because they are held until it ends.
 */
export async function appendRouteEvents(tx: Db, events: readonly NewRouteEvent[]): Promise<void> {
  if (events.length === 0) return
  const ordered = events.toSorted((a, b) => (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0))
  await tx.query(
    `with given as (
       select stream, type, data::jsonb as data, place,
              row_number() over (partition by stream order by place) as number,
              count(*) over (partition by stream) as total
       from unnest($1::text[], $2::text[], $3::text[]) with ordinality as e (stream, type, data, place)
     ), streams as (
       insert into event_streams as s (stream, last_sequence)
       select stream, total from given where number = 1 order by stream
       on conflict (stream) do update
         set last_sequence = s.last_sequence + excluded.last_sequence, updated_at = now()
       returning stream, last_sequence
     )
     insert into route_events (stream, sequence, type, data)
     select stream, last_sequence - total + number, type, data
     from given join streams using (stream)`,
    [
      ordered.map(({ stream }) => stream),
      ordered.map(({ type }) => type),
      ordered.map(({ data }) => JSON.stringify(data)),
    ],
  )
}

/** The events of a stream after `sequence`, oldest first, at most 500. */
export async function listRouteEvents(db: Db, stream: Stream, sequence: number): Promise<RouteEvent[]> {
  return db.query<RouteEvent>(
    `select sequence, type, data from route_events
     where stream = $1 and sequence > $2 order by sequence limit $3`,
    [stream, sequence, EVENTS_AT_A_TIME],
  )
}

/** The newest number of each stream that has one. */
export async function lastSequences(db: Db, streams: readonly Stream[]): Promise<Map<Stream, number>> {
  const rows = await db.query<{ stream: Stream; sequence: number }>(
    'select stream, last_sequence as sequence from event_streams where stream = any($1::text[])',
    [streams],
  )
  return new Map(rows.map(({ stream, sequence }) => [stream, sequence]))
}

/** Forgets events that no client resumes from any more; the numbers go on where they were. */
export async function forgetOldRouteEvents(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from route_events where (stream, sequence) in (
       select stream, sequence from route_events
       where created_at < now() - make_interval(days => $2) limit $1 for update skip locked)
     returning 1`,
    [KEPT_DAYS],
  )
}
