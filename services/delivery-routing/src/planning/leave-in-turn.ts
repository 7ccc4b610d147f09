import type { Problem } from '@urbanbloom/vrp/problem'
import { type NewPlan, type NewRoute, toRoute } from './from-solution.ts'
import { departureWithRoom, spreadDepartures } from './loading-slots.ts'
import type { Part } from './repair-part.ts'
import { isFeasible, timeInOrder } from './time-in-order.ts'
import { CLIMATE_CONTROLLED, tooLongDetail, type VanLimits } from './van-time.ts'

const NO_SLOT = 'The hub cannot load another van before this one would have to leave'

/**
 * Departures are spread over the loading slots of the hub. Who leaves earlier has the plants in the van for longer:
 * what takes that no more goes with a van that stands idle, or is left out, as is what would leave when no van can be
 * loaded.
 */
export function leaveInTurn(part: Part, problem: Problem, plan: NewPlan, vanLimits: VanLimits): NewPlan {
  const { day, plannable, leaving } = part
  const { moved, stuck } = spreadDepartures(plan.routes, plannable.shifts, day.hub, leaving)
  if (moved.size + stuck.size === 0) return plan
  const unassigned = [...plan.unassigned]
  for (const { stops } of plan.routes.filter(({ shiftId }) => stuck.has(shiftId))) {
    unassigned.push(...stops.map(({ orderId }) => ({ orderId, reason: NO_SLOT })))
  }
  const tooLong: { orderId: string; seconds: number }[] = []
  const loaded = plan.routes.filter(({ shiftId }) => !stuck.has(shiftId))
  const kept = loaded.map((route) => {
    const startsAt = moved.get(route.shiftId)
    if (startsAt === undefined) return route
    const stops = route.stops.filter((stop) => {
      const seconds = secondsInVan({ ...route, startsAt }, stop)
      if (isKept(part, route.shiftId, stop.orderId, seconds, vanLimits)) return true
      tooLong.push({ orderId: stop.orderId, seconds })
      return false
    })
    const durationSeconds = Math.round((route.endsAt.getTime() - startsAt.getTime()) / 1000)
    return { ...route, startsAt, durationSeconds, stops }
  })
  const routes = kept.filter(({ stops }) => stops.length > 0)
  for (const { orderId, seconds } of tooLong) {
    const alone = routeAlone(part, problem, routes, orderId, vanLimits)
    if (alone === null) unassigned.push({ orderId, reason: tooLongDetail(seconds, vanLimits[orderId] ?? 0) })
    else routes.push(alone)
  }
  return { routes, unassigned }
}

function secondsInVan(
  { startsAt }: Pick<NewRoute, 'startsAt'>,
  { plannedArrival }: NewRoute['stops'][number],
) {
  return (plannedArrival.getTime() - startsAt.getTime()) / 1000
}

function isKept({ plannable }: Part, shiftId: string, orderId: string, seconds: number, limits: VanLimits) {
  const isCooled = plannable.shifts.find(({ id }) => id === shiftId)?.skills.includes(CLIMATE_CONTROLLED)
  return isCooled === true || seconds <= (limits[orderId] ?? Number.POSITIVE_INFINITY)
}

/** A van that stands idle brings one order alone and in time; null where none can. */
function routeAlone(
  part: Part,
  problem: Problem,
  routes: readonly NewRoute[],
  orderId: string,
  limits: VanLimits,
): NewRoute | null {
  const { day, plannable } = part
  const allowed = problem.stops.find(({ id }) => id === orderId)?.vehicleIds
  const others = [...part.leaving, ...routes.map(({ startsAt }) => startsAt)]
  for (const vehicle of problem.vehicles) {
    if (routes.some(({ shiftId }) => shiftId === vehicle.id)) continue
    if (allowed !== undefined && !allowed.includes(vehicle.id)) continue
    const timed = timeInOrder(problem, vehicle, [orderId])
    if (timed === null || !isFeasible(problem, vehicle, timed)) continue
    const route = toRoute(day, plannable, problem, timed)
    const earliest = new Date(day.startsAt.getTime() + vehicle.shift[0] * 1000)
    const startsAt = departureWithRoom({ wanted: route.startsAt, earliest }, day.hub, others)
    if (startsAt === null || route.stops[0] === undefined) continue
    if (!isKept(part, vehicle.id, orderId, secondsInVan({ startsAt }, route.stops[0]), limits)) continue
    const durationSeconds = Math.round((route.endsAt.getTime() - startsAt.getTime()) / 1000)
    return { ...route, startsAt, durationSeconds }
  }
  return null
}
