import type { Address } from '@urbanbloom/contracts/address'
import type { Transport } from '@urbanbloom/contracts/transport'
import type { Db } from '@urbanbloom/service-kit/db'
import type { Route, RouteStatus, Stop, StopStatus } from './route.ts'

const routeColumns = `id, plan_id, hub_id, local_date::text as local_date, shift_id, driver_id, vehicle_id, status,
  version, driver_pinned, distance_meters, duration_seconds, starts_at, ends_at, breaks, started_at, resumes_at,
  completed_at, broken_down_at`

const stopColumns = `s.id, s.route_id, s.order_id, s.position, s.status, s.pin, s.planned_arrival, s.eta,
  s.leg_seconds, s.leg_meters, s.break_seconds, s.service_seconds, s.arrived_at, s.completed_at, d.number, d.parcels,
  d.weight_grams, d.volume_milliliters, d.transport, d.address, w.starts_at as window_start, w.ends_at as window_end`

const ROUTES_AT_MOST = 500
const STOPS_AT_MOST = 20_000

/** The routes that count on this day, with their stops in order; all hubs where none is named. */
export async function listRoutesOfDay(
  db: Db,
  day: {
    hubId?: string
    date: string
    statuses?: readonly RouteStatus[]
    after?: string | null
    limit?: number
  },
): Promise<Route[]> {
  const { hubId, date, statuses, after, limit } = day
  const rows = await db.query<RouteRow>(
    `select ${routeColumns} from routes
     where local_date = $1 and ($2::uuid is null or hub_id = $2::uuid) and status = any($3::text[])
       and ($4::uuid is null or id > $4::uuid)
     order by id limit $5`,
    [
      date,
      hubId ?? null,
      statuses ?? ['planned', 'started', 'completed'],
      after ?? null,
      limit ?? ROUTES_AT_MOST,
    ],
  )
  return withStops(db, rows)
}

export async function listRoutesOfPlan(db: Db, planId: string): Promise<Route[]> {
  const rows = await db.query<RouteRow>(
    `select ${routeColumns} from routes where plan_id = $1 and status <> 'superseded' order by id limit $2`,
    [planId, ROUTES_AT_MOST],
  )
  return withStops(db, rows)
}

export async function findRoute(db: Db, id: string): Promise<Route | null> {
  const rows = await db.query<RouteRow>(`select ${routeColumns} from routes where id = $1`, [id])
  return (await withStops(db, rows))[0] ?? null
}

/** The same, locked until the transaction ends; always in the order of the ids, and before any delivery. */
export async function lockRoutes(tx: Db, ids: readonly string[]): Promise<Route[]> {
  const rows = await tx.query<RouteRow>(
    `select ${routeColumns} from routes where id = any($1::uuid[]) order by id for update`,
    [ids],
  )
  return withStops(tx, rows)
}

/** The driver's route in progress, else the next planned one from `today` on that has stops. */
export async function findRouteOfDriver(db: Db, driverId: string, now: Date): Promise<Route | null> {
  const rows = await db.query<RouteRow>(
    `select ${routeColumns} from routes r
     where driver_id = $1 and (status = 'started' or (status = 'planned'
         and local_date >= (select ($2::timestamptz at time zone time_zone)::date from hubs where id = r.hub_id)
         and exists (select from stops s where s.route_id = r.id and s.status = 'pending')))
     order by status = 'started' desc, starts_at, id limit 1`,
    [driverId, now],
  )
  return (await withStops(db, rows))[0] ?? null
}

/** A stop that a break-down took off its van; its position is behind all others. */
export async function findUnloadedStop(db: Db, id: string): Promise<Stop | null> {
  const [row] = await db.query<StopRow>(
    `select ${stopColumns} from stops s
     join deliveries d on d.order_id = s.order_id join delivery_windows w on w.id = d.window_id
     where s.id = $1 and s.status = 'removed' and s.unloaded_at is not null`,
    [id],
  )
  return row === undefined ? null : { ...toStop(row), position: STOPS_AT_MOST }
}

/** What a view of stops needs of deliveries, by order. */
export async function findDeliveriesForView(db: Db, orderIds: readonly string[]) {
  const rows = await db.query<{
    order_id: string
    number: string
    parcels: number
    address: Address
    starts_at: Date
    ends_at: Date
  }>(
    `select d.order_id, d.number, d.parcels, d.address, w.starts_at, w.ends_at
     from deliveries d join delivery_windows w on w.id = d.window_id where d.order_id = any($1::uuid[])`,
    [orderIds],
  )
  return new Map(
    rows.map((row) => [
      row.order_id,
      {
        orderNumber: row.number,
        parcels: row.parcels,
        latitude: row.address.latitude,
        longitude: row.address.longitude,
        window: { start: row.starts_at.toISOString(), end: row.ends_at.toISOString() },
      },
    ]),
  )
}

async function withStops(db: Db, rows: RouteRow[]): Promise<Route[]> {
  const stops = await db.query<StopRow>(
    `select ${stopColumns} from stops s
     join deliveries d on d.order_id = s.order_id join delivery_windows w on w.id = d.window_id
     where s.route_id = any($1::uuid[]) and s.status <> 'removed' order by s.position limit $2`,
    [rows.map(({ id }) => id), STOPS_AT_MOST],
  )
  const byRoute = Map.groupBy(stops.map(toStop), ({ routeId }) => routeId)
  return rows.map((row) => toRoute(row, byRoute.get(row.id) ?? []))
}

type RouteRow = {
  id: string
  plan_id: string
  hub_id: string
  local_date: string
  shift_id: string
  driver_id: string
  vehicle_id: string
  status: RouteStatus
  version: number
  driver_pinned: boolean
  distance_meters: number
  duration_seconds: number
  starts_at: Date
  ends_at: Date
  breaks: Route['breaks']
  started_at: Date | null
  resumes_at: Date | null
  completed_at: Date | null
  broken_down_at: Date | null
}

type StopRow = {
  id: string
  route_id: string
  order_id: string
  position: number
  status: StopStatus
  pin: Stop['pin']
  planned_arrival: Date
  eta: Date
  leg_seconds: number
  leg_meters: number
  break_seconds: number
  service_seconds: number
  arrived_at: Date | null
  completed_at: Date | null
  number: string
  parcels: number
  weight_grams: number
  volume_milliliters: number
  transport: Transport
  address: Address
  window_start: Date
  window_end: Date
}

function toRoute(row: RouteRow, stops: Stop[]): Route {
  return {
    id: row.id,
    planId: row.plan_id,
    hubId: row.hub_id,
    date: row.local_date,
    shiftId: row.shift_id,
    driverId: row.driver_id,
    vehicleId: row.vehicle_id,
    status: row.status,
    version: row.version,
    driverPinned: row.driver_pinned,
    distanceMeters: row.distance_meters,
    durationSeconds: row.duration_seconds,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    breaks: row.breaks,
    startedAt: row.started_at,
    resumesAt: row.resumes_at,
    completedAt: row.completed_at,
    brokenDownAt: row.broken_down_at,
    stops,
  }
}

function toStop(row: StopRow): Stop {
  return {
    id: row.id,
    routeId: row.route_id,
    orderId: row.order_id,
    position: row.position,
    status: row.status,
    pin: row.pin,
    plannedArrival: row.planned_arrival,
    eta: row.eta,
    legSeconds: row.leg_seconds,
    legMeters: row.leg_meters,
    breakSeconds: row.break_seconds,
    serviceSeconds: row.service_seconds,
    arrivedAt: row.arrived_at,
    completedAt: row.completed_at,
    number: row.number,
    parcels: row.parcels,
    weightGrams: row.weight_grams,
    volumeMilliliters: row.volume_milliliters,
    transport: row.transport,
    address: row.address,
    windowStart: row.window_start,
    windowEnd: row.window_end,
  }
}
