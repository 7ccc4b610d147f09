import type * as z from 'zod'
import type { Context } from '../context.ts'
import type { Plan, PlanRecord, RouteView } from '../planning/plan.ts'
import type { Route, Stop } from './route.ts'
import { findRoute, listRoutesOfPlan } from './route-store.ts'

type View = z.infer<typeof RouteView>

/** A plan with the routes that it put in force. */
export async function viewPlan(ctx: Context, plan: PlanRecord): Promise<z.infer<typeof Plan>> {
  const routes = plan.status === 'done' ? await listRoutesOfPlan(ctx.db, plan.id) : []
  return { ...plan, routes: routes.map(viewRoute) }
}

export async function viewRouteById(ctx: Context, id: string): Promise<View> {
  const route = await findRoute(ctx.db, id)
  if (route === null) throw new Error(`The route ${id} is gone`)
  return viewRoute(route)
}

export function viewRoute(route: Route): View {
  if (route.status === 'superseded') throw new Error(`The route ${route.id} is superseded; nobody may see it`)
  return {
    id: route.id,
    planId: route.planId,
    hubId: route.hubId,
    date: route.date,
    driverId: route.driverId,
    vehicleId: route.vehicleId,
    status: route.status,
    version: route.version,
    startsAt: route.startsAt.toISOString(),
    endsAt: route.endsAt.toISOString(),
    distanceMeters: route.distanceMeters,
    durationSeconds: route.durationSeconds,
    stops: route.stops.map(viewStop),
  }
}

function viewStop(stop: Stop): View['stops'][number] {
  if (stop.status === 'removed') throw new Error(`The stop ${stop.id} is removed; no route holds it`)
  return {
    id: stop.id,
    orderId: stop.orderId,
    orderNumber: stop.number,
    position: stop.position,
    status: stop.status,
    pinned: stop.pin !== null,
    plannedArrival: stop.plannedArrival.toISOString(),
    eta: stop.eta.toISOString(),
    window: { start: stop.windowStart.toISOString(), end: stop.windowEnd.toISOString() },
    latitude: stop.address.latitude,
    longitude: stop.address.longitude,
    parcels: stop.parcels,
  }
}
