import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Hub } from '../fleet/hub.ts'

/** A window as it is in the database. Its place may be taken by the time that somebody reads this. */
export type DeliveryWindow = {
  id: string
  start: string
  end: string
  feeCents: number
  full: boolean
  /** When it is no longer offered; null: the configured time before its start. */
  cutOffAt: string | null
}

type WindowRow = {
  id: string
  starts_at: Date
  ends_at: Date
  fee_cents: number
  full: boolean
  cut_off_at: Date | null
}

/** Two hours each, from 08:00 to 20:00 by the hub's clocks. */
export const windowStartHours = [8, 10, 12, 14, 16, 18] as const
const WINDOW_HOURS = 2

/**
 * Makes the windows of these days where they are missing. Wall clock times become moments in the database, which
 * knows the daylight saving of the hub's zone.
 */
export async function insertMissingWindows(db: Db, hub: Hub, dates: readonly string[]): Promise<void> {
  const places = dates.flatMap((date) => windowStartHours.map((hour) => ({ id: newId(), date, hour })))
  await db.query(
    `insert into delivery_windows (id, hub_id, starts_at, ends_at, capacity, fee_cents, cut_off_at)
     select id, $1::uuid, (date + make_time(hour, 0, 0)) at time zone $2,
            (date + make_time(hour + $3::int, 0, 0)) at time zone $2, $4::int, $5::bigint,
            (date + make_time(hour, 0, 0)) at time zone $2 - make_interval(mins => cut_off)
     from unnest($6::uuid[], $7::date[], $8::int[], $9::int[]) as place (id, date, hour, cut_off)
     on conflict (hub_id, starts_at) do nothing`,
    [
      hub.id,
      hub.timeZone,
      WINDOW_HOURS,
      hub.windowCapacity,
      hub.baseFeeCents,
      places.map(({ id }) => id),
      places.map(({ date }) => date),
      places.map(({ hour }) => hour),
      places.map(({ hour }) => cutOffMinutesOf(hub, hour)),
    ],
  )
}

/** Null: as configured for all hubs. */
export function cutOffMinutesOf(
  { windowCutOffs, cutOffMinutes }: Pick<Hub, 'windowCutOffs' | 'cutOffMinutes'>,
  hour: number,
): number | null {
  return windowCutOffs.find(({ startHour }) => startHour === hour)?.minutes ?? cutOffMinutes
}

/** Gives the windows of a hub that are still to come the cut-offs and the capacity that it has by now. */
export async function applyHubRules(tx: Db, hub: Hub): Promise<void> {
  await tx.query(
    `update delivery_windows w
     set cut_off_at = starts_at - make_interval(mins => rule.cut_off), fee_cents = $5,
         capacity = greatest(w.held, $4)
     from unnest($2::int[], $3::int[]) as rule (hour, cut_off)
     where w.hub_id = $1 and w.starts_at > now()
       and extract(hour from w.starts_at at time zone $6)::int = rule.hour`,
    [
      hub.id,
      [...windowStartHours],
      windowStartHours.map((hour) => cutOffMinutesOf(hub, hour)),
      hub.windowCapacity,
      hub.baseFeeCents,
      hub.timeZone,
    ],
  )
}

/** The windows that start on these days of the hub's calendar, by start. */
export async function listWindows(db: Db, hub: Hub, first: string, last: string): Promise<DeliveryWindow[]> {
  const rows = await db.query<WindowRow>(
    `select id, starts_at, ends_at, fee_cents, held >= capacity as full, cut_off_at from delivery_windows
     where hub_id = $1 and starts_at >= $2::date::timestamp at time zone $4
       and starts_at < ($3::date + 1)::timestamp at time zone $4
     order by starts_at limit 200`,
    [hub.id, first, last, hub.timeZone],
  )
  return rows.map(toWindow)
}

export async function findWindowByStart(db: Db, hubId: string, start: Date): Promise<DeliveryWindow | null> {
  const rows = await db.query<WindowRow>(
    `select id, starts_at, ends_at, fee_cents, held >= capacity as full, cut_off_at from delivery_windows
     where hub_id = $1 and starts_at = $2`,
    [hubId, start],
  )
  return rows[0] === undefined ? null : toWindow(rows[0])
}

/** Gives places back, one for each time that a window is named. Windows are locked in the order of their ids. */
export async function returnCapacity(db: Db, windowIds: readonly string[]): Promise<{ wasFull: string[] }> {
  const rows = await db.query<{ hub_id: string }>(
    `with returned as (
       select id, count(*)::int as places from unnest($1::uuid[]) as given (id) group by id
     ), locked as (
       select w.id, w.hub_id, w.held >= w.capacity as was_full, returned.places
       from delivery_windows w join returned using (id) order by w.id for no key update of w
     ), changed as (
       update delivery_windows w set held = w.held - locked.places from locked where w.id = locked.id
     )
     select distinct hub_id from locked where was_full`,
    [windowIds],
  )
  return { wasFull: rows.map(({ hub_id }) => hub_id) }
}

function toWindow(row: WindowRow): DeliveryWindow {
  return {
    id: row.id,
    start: row.starts_at.toISOString(),
    end: row.ends_at.toISOString(),
    feeCents: row.fee_cents,
    full: row.full,
    cutOffAt: row.cut_off_at?.toISOString() ?? null,
  }
}
