import type * as z from 'zod'
import type { Context } from '../context.ts'
import type { Plan, PlanRecord, RouteView } from '../planning/plan.ts'
import { findProposal } from '../planning/plan-results.ts'
import type { Route, Stop } from './route.ts'
import { findDeliveriesForView, findRoute, listRoutesOfPlan } from './route-store.ts'

type View = z.infer<typeof RouteView>

/** A plan with the routes that it put in force. */
export async function viewPlan(ctx: Context, plan: PlanRecord): Promise<z.infer<typeof Plan>> {
  if (plan.status === 'done' && plan.draft) return { ...plan, routes: await viewDraft(ctx, plan) }
  const routes = plan.status === 'done' ? await listRoutesOfPlan(ctx.db, plan.id) : []
  return { ...plan, routes: routes.map(viewRoute) }
}

/** The routes that a draft would put in force. */
async function viewDraft(ctx: Context, plan: PlanRecord): Promise<View[]> {
  const proposal = await findProposal(ctx.db, plan.id)
  if (proposal === null) return []
  const orderIds = proposal.routes.flatMap(({ stops }) => stops.map(({ orderId }) => orderId))
  const deliveries = await findDeliveriesForView(ctx.db, orderIds)
  return proposal.routes.map(({ id = plan.id, shiftId: _shiftId, stops, ...route }) => ({
    ...route,
    id,
    planId: plan.id,
    hubId: plan.hubId,
    date: plan.date,
    status: 'planned',
    version: 0,
    startsAt: route.startsAt.toISOString(),
    endsAt: route.endsAt.toISOString(),
    brokenDownAt: null,
    stops: stops.flatMap((stop, index) => {
      const delivery = deliveries.get(stop.orderId)
      if (delivery === undefined) return []
      const plannedArrival = stop.plannedArrival.toISOString()
      return [
        {
          ...delivery,
          id: stop.id ?? plan.id,
          orderId: stop.orderId,
          position: index + 1,
          status: 'pending' as const,
          pinned: false,
          plannedArrival,
          eta: plannedArrival,
          lateSeconds: lateSeconds(stop.plannedArrival, new Date(delivery.window.end)),
        },
      ]
    }),
  }))
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
    breaks: route.breaks,
    brokenDownAt: route.brokenDownAt?.toISOString() ?? null,
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
    lateSeconds: lateSeconds(stop.arrivedAt ?? stop.completedAt ?? stop.eta, stop.windowEnd),
    window: { start: stop.windowStart.toISOString(), end: stop.windowEnd.toISOString() },
    latitude: stop.address.latitude,
    longitude: stop.address.longitude,
    parcels: stop.parcels,
  }
}

function lateSeconds(at: Date, windowEnd: Date): number {
  return Math.max(0, Math.round((at.getTime() - windowEnd.getTime()) / 1000))
}
