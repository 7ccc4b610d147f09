import type { Address } from '@urbanbloom/contracts/address'
import type { Transport } from '@urbanbloom/contracts/transport'
import type { Db } from '@urbanbloom/service-kit/db'
import type { Route } from '../dispatch/route.ts'
import { listRoutesOfDay } from '../dispatch/route-store.ts'
import { readServiceHistory } from '../eta/service-time-store.ts'
import { findHub } from '../fleet/hub-store.ts'
import type { Day, ShiftToPlan } from './day.ts'

/** Far more than a hub delivers in a day. The earliest windows come first; the rest waits for the next plan. */
const DELIVERIES_AT_MOST = 5_000
const SHIFTS_AT_MOST = 500

/** Reads a hub's day; null where there is no such hub. Statements see different moments, so storing checks again. */
export async function readDay(db: Db, hubId: string, date: string): Promise<Day | null> {
  const hub = await findHub(db, hubId)
  if (hub === null) return null
  const [bounds] = await db.query<{ starts_at: Date; ends_at: Date }>(
    `select $1::date::timestamp at time zone $2 as starts_at, ($1::date + 1)::timestamp at time zone $2 as ends_at`,
    [date, hub.timeZone],
  )
  if (bounds === undefined) throw new Error('The database gave no bounds of the day')
  const deliveries = await readDeliveries(db, hubId, bounds)
  return {
    hub,
    date,
    startsAt: bounds.starts_at,
    shifts: await readShifts(db, hubId, bounds),
    deliveries,
    routes: await listRoutesOfDay(db, { hubId, date }),
    serviceHistory: await readServiceHistory(db, hubId, deliveries),
  }
}

type Bounds = { starts_at: Date; ends_at: Date }

/** A shift belongs to the day on which it begins. */
async function readShifts(db: Db, hubId: string, bounds: Bounds): Promise<ShiftToPlan[]> {
  const rows = await db.query<ShiftRow>(
    `select ${shiftColumns}
     from shifts s join vehicles v on v.id = s.vehicle_id join drivers d on d.id = s.driver_id
     where s.hub_id = $1 and lower(s.during) >= $2 and lower(s.during) < $3
     order by s.id limit $4`,
    [hubId, bounds.starts_at, bounds.ends_at, SHIFTS_AT_MOST],
  )
  return rows.map(toShift)
}

/** The shift of a route, with the driver and the vehicle that the route has by now. */
export async function readShiftOf(
  db: Db,
  route: Pick<Route, 'shiftId' | 'driverId' | 'vehicleId'>,
): Promise<ShiftToPlan> {
  const [row] = await db.query<ShiftRow>(
    `select ${shiftColumns} from shifts s, vehicles v, drivers d where s.id = $1 and v.id = $2 and d.id = $3`,
    [route.shiftId, route.vehicleId, route.driverId],
  )
  if (row === undefined) throw new Error(`The shift ${route.shiftId} of a route is gone`)
  return { ...toShift(row), driverId: route.driverId, vehicleId: route.vehicleId }
}

const shiftColumns = `s.id, s.driver_id, s.vehicle_id, lower(s.during) as starts_at,
  least(upper(s.during), s.out_of_service_at) as ends_at, s.breaks, v.capacity_weight_grams,
  v.capacity_volume_milliliters, v.skills || d.skills as skills`

type ShiftRow = {
  id: string
  driver_id: string
  vehicle_id: string
  starts_at: Date
  ends_at: Date
  breaks: { earliest: string; latest: string; durationSeconds: number }[]
  capacity_weight_grams: number
  capacity_volume_milliliters: number
  skills: string[]
}

function toShift(row: ShiftRow): ShiftToPlan {
  return {
    id: row.id,
    driverId: row.driver_id,
    vehicleId: row.vehicle_id,
    start: row.starts_at,
    end: row.ends_at,
    capacity: {
      weightGrams: row.capacity_weight_grams,
      volumeMilliliters: row.capacity_volume_milliliters,
    },
    skills: row.skills,
    breaks: row.breaks.map(({ earliest, latest, durationSeconds }) => ({
      earliest: new Date(earliest),
      latest: new Date(latest),
      durationSeconds,
    })),
  }
}

async function readDeliveries(db: Db, hubId: string, bounds: Bounds): Promise<Day['deliveries']> {
  const rows = await db.query<{
    order_id: string
    weight_grams: number
    volume_milliliters: number
    parcels: number
    transport: Transport
    address: Address
    starts_at: Date
    ends_at: Date
    ready_at: Date | null
    held_back_reason: string | null
  }>(
    `select d.order_id, d.weight_grams, d.volume_milliliters, d.parcels, d.transport, d.address, d.ready_at,
            d.held_back_reason, w.starts_at, w.ends_at
     from deliveries d join delivery_windows w on w.id = d.window_id
     where w.hub_id = $1 and w.starts_at >= $2 and w.starts_at < $3 and d.status in ('confirmed', 'planned')
     order by w.starts_at, d.order_id limit $4`,
    [hubId, bounds.starts_at, bounds.ends_at, DELIVERIES_AT_MOST],
  )
  return rows.map((row) => ({
    orderId: row.order_id,
    weightGrams: row.weight_grams,
    volumeMilliliters: row.volume_milliliters,
    parcels: row.parcels,
    transport: row.transport,
    address: row.address,
    windowStart: row.starts_at,
    windowEnd: row.ends_at,
    readyAt: row.ready_at,
    heldBackReason: row.held_back_reason,
  }))
}
