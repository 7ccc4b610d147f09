import type { Db } from '@urbanbloom/service-kit/db'
import type { Point } from '../geo.ts'
import type { Hub, HubChange } from './hub.ts'

const columns = `id, name, latitude, longitude, service_radius_meters, time_zone, window_capacity, base_fee_cents,
  cut_off_minutes, window_cut_offs, loading_vans_per_slot, loading_slot_minutes, capacity_check`

type HubRow = {
  id: string
  name: string
  latitude: number
  longitude: number
  service_radius_meters: number
  time_zone: string
  window_capacity: number
  base_fee_cents: number
  cut_off_minutes: number | null
  window_cut_offs: Hub['windowCutOffs']
  loading_vans_per_slot: number | null
  loading_slot_minutes: number
  capacity_check: Hub['capacityCheck']
}

export async function insertHub(db: Db, hub: Hub): Promise<void> {
  await db.query(
    `insert into hubs (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13)`,
    [
      hub.id,
      hub.name,
      hub.latitude,
      hub.longitude,
      hub.serviceRadiusMeters,
      hub.timeZone,
      hub.windowCapacity,
      hub.baseFeeCents,
      hub.cutOffMinutes,
      JSON.stringify(hub.windowCutOffs),
      hub.loadingVansPerSlot,
      hub.loadingSlotMinutes,
      hub.capacityCheck,
    ],
  )
}

const columnOf = {
  windowCapacity: 'window_capacity',
  baseFeeCents: 'base_fee_cents',
  cutOffMinutes: 'cut_off_minutes',
  windowCutOffs: 'window_cut_offs',
  loadingVansPerSlot: 'loading_vans_per_slot',
  loadingSlotMinutes: 'loading_slot_minutes',
  capacityCheck: 'capacity_check',
} as const satisfies Record<keyof HubChange, string>

const updateSql = `
  update hubs h set
    ${Object.values(columnOf)
      .map((column) => `${column} = (jsonb_populate_record(h, $2::jsonb)).${column}`)
      .join(', ')}
  where h.id = $1 returning ${columns}`

/** Changes what `change` names and nothing else; null where there is no such hub. */
export async function updateHub(tx: Db, id: string, change: HubChange): Promise<Hub | null> {
  const values = Object.entries(columnOf)
    .map(([field, column]) => [column, change[field as keyof HubChange]] as const)
    .filter(([, value]) => value !== undefined)
  const rows = await tx.query<HubRow>(updateSql, [id, JSON.stringify(Object.fromEntries(values))])
  return rows[0] === undefined ? null : toHub(rows[0])
}

export async function listHubs(db: Db, after: string | null, limit: number): Promise<Hub[]> {
  const rows = await db.query<HubRow>(
    `select ${columns} from hubs where $1::uuid is null or id > $1::uuid order by id limit $2`,
    [after, limit],
  )
  return rows.map(toHub)
}

export async function findHub(db: Db, id: string): Promise<Hub | null> {
  const rows = await db.query<HubRow>(`select ${columns} from hubs where id = $1`, [id])
  return rows[0] === undefined ? null : toHub(rows[0])
}

/**
 * Seven digits are a centimetre. A degree such as 1e-320 would underflow on the way, which Postgres refuses, and one
 * hub there would close all others.
 */
function inRadians(degrees: string): string {
  return `radians(round((${degrees})::numeric, 7)::float8)`
}

/** The nearest hub whose radius contains the point (haversine on a sphere), or null. */
export async function findHubFor(db: Db, point: Point): Promise<Hub | null> {
  const rows = await db.query<HubRow>(
    `select ${columns} from (
       select ${columns}, 2 * 6371009 * asin(least(1, sqrt(
         sin(${inRadians('latitude - $1')} / 2) ^ 2
         + cos(${inRadians('latitude')}) * cos(${inRadians('$1::float8')})
           * sin(${inRadians('longitude - $2')} / 2) ^ 2))) as distance
       from hubs
     ) as hubs
     where distance <= service_radius_meters order by distance, id limit 1`,
    [point.latitude, point.longitude],
  )
  return rows[0] === undefined ? null : toHub(rows[0])
}

function toHub(row: HubRow): Hub {
  return {
    id: row.id,
    name: row.name,
    latitude: row.latitude,
    longitude: row.longitude,
    serviceRadiusMeters: row.service_radius_meters,
    timeZone: row.time_zone,
    windowCapacity: row.window_capacity,
    baseFeeCents: row.base_fee_cents,
    cutOffMinutes: row.cut_off_minutes,
    windowCutOffs: row.window_cut_offs,
    loadingVansPerSlot: row.loading_vans_per_slot,
    loadingSlotMinutes: row.loading_slot_minutes,
    capacityCheck: row.capacity_check,
  }
}
