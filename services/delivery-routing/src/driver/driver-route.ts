import { createHash } from 'node:crypto'
import { notFound } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import type { Route, Stop } from '../dispatch/route.ts'
import { findRouteOfDriver } from '../dispatch/route-store.ts'
import {
  codeAskedBy,
  type HandoverPreferences,
  listHandoverPreferences,
  mayLeaveAtDoor,
} from '../proofs/handover-preferences.ts'
import { Span } from '../schemas.ts'

const MINUTE_MS = 60_000
const ETA_DIGEST_LENGTH = 12

const StopAddress = z.object({
  recipient: z.string(),
  line1: z.string(),
  line2: z.string().optional(),
  city: z.string(),
  region: z.string(),
  postalCode: z.string(),
  latitude: z.number(),
  longitude: z.number(),
})

const DriverStop = z.object({
  id: z.uuid(),
  orderId: z.uuid(),
  orderNumber: z.string(),
  position: z.int().describe('From 1'),
  status: z.enum(['pending', 'arrived', 'delivered', 'failed']),
  address: StopAddress,
  instructions: z.string().nullable(),
  window: Span,
  plannedArrival: z.iso.datetime(),
  eta: z.iso
    .datetime()
    .nullable()
    .describe('As the day goes, to the minute once under way; null once the stop is done'),
  serviceSeconds: z.int(),
  parcels: z.int(),
  weightGrams: z.int(),
  leaveAtDoor: z.boolean().describe('The customer allows it'),
  requireCode: z.boolean().describe('The customer hands out a code; send it as the proof'),
  codeWaivable: z
    .boolean()
    .describe('We ask for the code and not the customer: without it, send a `codeReason`'),
  arrivedAt: z.iso.datetime().nullable(),
  completedAt: z.iso.datetime().nullable(),
})

export const DriverRoute = z
  .object({
    id: z.uuid(),
    date: z.iso.date(),
    status: z.enum(['planned', 'started', 'completed']),
    version: z.int(),
    hubId: z.uuid(),
    vehicleId: z.uuid(),
    startsAt: z.iso.datetime(),
    endsAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    distanceMeters: z.int(),
    durationSeconds: z.int(),
    stops: z.array(DriverStop),
  })
  .meta({ id: 'DriverRoute' })

/** The route that the driver is on, or else the next one; 404 `no_route` when there is none. */
export async function readDriverRoute(ctx: Context, driverId: string): Promise<Route> {
  const route = await findRouteOfDriver(ctx.db, driverId, ctx.now())
  if (route === null) throw noRoute()
  return route
}

export function noRoute() {
  return notFound('no_route', 'No route is planned for you, today or later')
}

/**
 * Names what `viewDriverRoute` shows: the version counts all that changes but the live ETAs, which move with the van
 * and count by themselves.
 */
export function etagOf(route: Route): string {
  const etas = route.stops.map((stop) => etaOf(route, stop) ?? '').join()
  const digest = createHash('sha256').update(etas).digest('base64url').slice(0, ETA_DIGEST_LENGTH)
  return `"${route.id}-${route.version}-${digest}"`
}

/** A function of what `etagOf` names. */
export async function viewDriverRoute(ctx: Context, route: Route): Promise<z.infer<typeof DriverRoute>> {
  const preferences = await listHandoverPreferences(
    ctx.db,
    route.stops.map(({ orderId }) => orderId),
  )
  if (route.status === 'superseded')
    throw new Error(`The route ${route.id} is superseded; no driver may see it`)
  return {
    id: route.id,
    date: route.date,
    status: route.status,
    version: route.version,
    hubId: route.hubId,
    vehicleId: route.vehicleId,
    startsAt: route.startsAt.toISOString(),
    endsAt: route.endsAt.toISOString(),
    startedAt: route.startedAt?.toISOString() ?? null,
    distanceMeters: route.distanceMeters,
    durationSeconds: route.durationSeconds,
    stops: route.stops.map((stop) => viewStop(ctx, route, stop, preferences.get(stop.orderId))),
  }
}

/** When the driver is expected; under way to the minute, so that a phone which asks again learns of it when it matters. */
function etaOf({ status }: Route, stop: Stop): string | null {
  if (stop.completedAt !== null) return null
  if (status !== 'started') return stop.eta.toISOString()
  return new Date(Math.round(stop.eta.getTime() / MINUTE_MS) * MINUTE_MS).toISOString()
}

function viewStop(
  ctx: Context,
  route: Route,
  stop: Stop,
  preferences: HandoverPreferences | undefined,
): z.infer<typeof DriverStop> {
  if (stop.status === 'removed') throw new Error(`The stop ${stop.id} is removed; no route holds it`)
  const { instructions, ...address } = stop.address
  const askedBy =
    preferences === undefined ? null : codeAskedBy(preferences, ctx.config.codeFromCents, ctx.now())
  return {
    id: stop.id,
    orderId: stop.orderId,
    orderNumber: stop.number,
    position: stop.position,
    status: stop.status,
    address,
    instructions: instructions ?? null,
    window: { start: stop.windowStart.toISOString(), end: stop.windowEnd.toISOString() },
    plannedArrival: stop.plannedArrival.toISOString(),
    eta: etaOf(route, stop),
    serviceSeconds: stop.serviceSeconds,
    parcels: stop.parcels,
    weightGrams: stop.weightGrams,
    leaveAtDoor: preferences !== undefined && mayLeaveAtDoor(preferences, ctx.now()),
    requireCode: askedBy !== null,
    codeWaivable: askedBy === 'value',
    arrivedAt: arrivalOf(stop)?.toISOString() ?? null,
    completedAt: stop.completedAt?.toISOString() ?? null,
  }
}

/** Phones' clocks differ, so an arrival may be noted after the outcome that it came before. */
function arrivalOf({ arrivedAt, completedAt }: Stop): Date | null {
  if (arrivedAt === null || completedAt === null) return arrivedAt
  return arrivedAt < completedAt ? arrivedAt : completedAt
}
