import type { Db } from '@urbanbloom/service-kit/db'
import { notFound } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import type { DeliveryStatus } from '../deliveries/delivery.ts'
import { arrivalWindow } from '../eta/arrival-window.ts'
import { type Place, withLivePlaces } from '../positions/live-position.ts'
import { Position, Span } from '../schemas.ts'

/** What a shared link shows: nothing in it says who the customer is, and where they live only to the street. */
export const SharedTracking = z
  .object({
    status: z.enum([
      'pending',
      'confirmed',
      'scheduled',
      'out_for_delivery',
      'delivered',
      'delivery_failed',
      'cancelled',
    ]),
    window: Span,
    eta: Span.nullable().describe('When the van is expected; null while unknown and once it is over'),
    stopsAhead: z.int().nullable().describe('Stops before this one on its route'),
    driverPosition: Position.extend({ recordedAt: z.iso.datetime() })
      .nullable()
      .describe('Only while this is the next stop'),
    map: z
      .object({ hub: Position, destination: Position })
      .nullable()
      .describe('Where it begins, and where it goes to about a hundred meters; only while it is on its way'),
    timeZone: z.string().describe('In which the times are meant'),
    deliveredAt: z.iso.datetime().nullable(),
    undeliveredParcels: z
      .int()
      .nullable()
      .describe('How many of the parcels were not handed over where the rest was; null where all were'),
    hasPhoto: z.boolean().describe('Whether `GET /v1/tracking/{token}/photo` shows the handover'),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'SharedTracking' })

export const Tracking = SharedTracking.extend({
  orderId: z.uuid(),
  deliveryCode: z
    .string()
    .nullable()
    .describe('To show to the driver, who types it in; only while the order is on its way'),
}).meta({ id: 'Tracking' })

export type Tracking = z.infer<typeof Tracking>

const MINUTE_MS = 60_000
/** A place that is older than this says nothing of where the van is. */
const POSITION_AGE_MAX_MS = 10 * MINUTE_MS

/** An order's tracking for the customer who placed it; to anybody else the order does not exist. */
export async function trackOwnOrder(ctx: Context, customerId: string, orderId: string): Promise<Tracking> {
  const row = await findTracking(ctx.db, orderId)
  if (row === null || row.customer_id !== customerId) {
    throw notFound('order_not_found', `You have no order ${orderId}`)
  }
  return toTracking(ctx, row)
}

/** The same without asking who looks; null where nothing is known of the order. */
export async function trackOrder(ctx: Context, orderId: string): Promise<Tracking | null> {
  const row = await findTracking(ctx.db, orderId)
  return row === null ? null : toTracking(ctx, row)
}

type TrackingRow = {
  order_id: string
  customer_id: string
  status: DeliveryStatus
  starts_at: Date
  ends_at: Date
  updated_at: Date
  stop_status: string | null
  eta: Date | null
  route_status: string | null
  stops_ahead: number | null
  /** Of the route under way on which this is the next stop. */
  driver_id: string | null
  started_at: Date | null
  place: (Omit<Place, 'recordedAt' | 'receivedAt'> & { recordedAt: string; receivedAt: string }) | null
  hub_latitude: number
  hub_longitude: number
  time_zone: string
  destination: { latitude: number; longitude: number } | null
  delivered_at: Date | null
  undelivered_parcels: number | null
  has_photo: boolean
  delivery_code: string | null
}

/** Whether the file `f` is the photo that the stop `s` was delivered with. */
export const isShownPhoto = `f.id::text = s.outcome->'proof'->>'fileId' and f.stop_id = s.id
  and s.outcome->'proof'->>'kind' = 'photo' and f.stored_at is not null`

async function findTracking(db: Db, orderId: string): Promise<TrackingRow | null> {
  const rows = await db.query<TrackingRow>(
    `select d.order_id, d.customer_id, d.status, w.starts_at, w.ends_at,
            greatest(d.updated_at, s.updated_at) as updated_at, s.status as stop_status, s.eta,
            r.status as route_status, ahead.count as stops_ahead, next.driver_id, next.started_at, next.place,
            h.latitude as hub_latitude, h.longitude as hub_longitude, h.time_zone, d.address as destination,
            d.delivered_at, d.status = 'delivered' and exists (
              select from stops s join proof_files f on ${isShownPhoto}
              where s.order_id = d.order_id and s.status = 'delivered') as has_photo,
            c.code as delivery_code,
            (select (o.outcome->'undelivered'->>'parcels')::int from stops o
             where o.order_id = d.order_id and o.status = 'delivered' and d.status = 'delivered') as undelivered_parcels
     from deliveries d
     join delivery_windows w on w.id = d.window_id
     join hubs h on h.id = w.hub_id
     left join delivery_codes c on c.order_id = d.order_id and d.status in ('loaded', 'arrived')
     left join stops s on s.order_id = d.order_id and s.status in ('pending', 'arrived')
     left join routes r on r.id = s.route_id
     left join lateral (
       select count(*) as count from stops o
       where o.route_id = s.route_id and o.status in ('pending', 'arrived') and o.position < s.position
     ) ahead on s.id is not null
     left join lateral (
       select r.driver_id, r.started_at, (
         select json_build_object('latitude', p.latitude, 'longitude', p.longitude,
           'accuracyMeters', p.accuracy_meters, 'speedMps', p.speed_mps, 'headingDegrees', p.heading_degrees,
           'recordedAt', p.recorded_at, 'receivedAt', p.received_at)
         from driver_positions p where p.driver_id = r.driver_id) as place
     ) next on r.status = 'started' and ahead.count = 0
     where d.order_id = $1 and d.customer_id is not null`,
    [orderId],
  )
  return rows[0] ?? null
}

const statusOf: Record<DeliveryStatus, Tracking['status']> = {
  held: 'pending',
  confirmed: 'confirmed',
  planned: 'scheduled',
  loaded: 'out_for_delivery',
  arrived: 'out_for_delivery',
  delivered: 'delivered',
  failed: 'delivery_failed',
  returning: 'delivery_failed',
  returned: 'delivery_failed',
  released: 'cancelled',
}

async function toTracking(ctx: Context, row: TrackingRow): Promise<Tracking> {
  const now = ctx.now()
  const isUnderWay = row.route_status === 'started'
  const stopsAhead = row.stops_ahead ?? 0
  const window = row.eta === null ? null : arrivalWindow(row.eta, { now, isUnderWay, stopsAhead })
  return {
    orderId: row.order_id,
    deliveryCode: row.delivery_code,
    status: statusOf[row.status],
    window: { start: row.starts_at.toISOString(), end: row.ends_at.toISOString() },
    eta: window === null ? null : { start: window.start.toISOString(), end: window.end.toISOString() },
    stopsAhead: row.stops_ahead,
    driverPosition: await findPosition(ctx, row),
    map: statusOf[row.status] === 'out_for_delivery' ? mapOf(row) : null,
    timeZone: row.time_zone,
    deliveredAt: row.delivered_at?.toISOString() ?? null,
    undeliveredParcels: row.undelivered_parcels,
    hasPhoto: row.has_photo,
    updatedAt: row.updated_at.toISOString(),
  }
}

/** Where the van is that comes next to this order; only what it has said since it left, and not long ago. */
async function findPosition(
  ctx: Context,
  { driver_id: driverId, started_at: startedAt, place }: TrackingRow,
): Promise<Tracking['driverPosition']> {
  if (driverId === null || startedAt === null) return null
  const kept: Place | null =
    place === null
      ? null
      : { ...place, recordedAt: new Date(place.recordedAt), receivedAt: new Date(place.receivedAt) }
  const known = (await withLivePlaces(ctx, new Map([[driverId, kept]]))).get(driverId) ?? null
  if (known === null || known.receivedAt < startedAt) return null
  if (ctx.now().getTime() - known.recordedAt.getTime() > POSITION_AGE_MAX_MS) return null
  const { latitude, longitude, recordedAt } = known
  return { latitude, longitude, recordedAt: recordedAt.toISOString() }
}

/** The house itself is nobody's business who was sent a link; three digits are about a hundred meters. */
function mapOf({ hub_latitude, hub_longitude, destination }: TrackingRow): Tracking['map'] {
  if (destination === null) return null
  const about = (degrees: number) => Math.round(degrees * 1_000) / 1_000
  return {
    hub: { latitude: hub_latitude, longitude: hub_longitude },
    destination: { latitude: about(destination.latitude), longitude: about(destination.longitude) },
  }
}
