import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution, Route as SolvedRoute } from '@urbanbloom/vrp/solution'
import type { RouteBreak } from '../dispatch/route.ts'
import type { Day } from './day.ts'
import type { Plannable, Unassigned } from './plannable.ts'

export type NewStop = {
  /** Given for a draft, so that it keeps its ids when it is published. */
  id?: string
  orderId: string
  plannedArrival: Date
  legSeconds: number
  legMeters: number
  breakSeconds: number
  serviceSeconds: number
}

export type NewRoute = {
  /** As with stops. */
  id?: string
  shiftId: string
  driverId: string
  vehicleId: string
  startsAt: Date
  endsAt: Date
  breaks: RouteBreak[]
  distanceMeters: number
  durationSeconds: number
  stops: NewStop[]
}

export type NewPlan = { routes: NewRoute[]; unassigned: Unassigned[] }

/** The optimizer's answer in terms of the day. */
export function fromSolution(day: Day, plannable: Plannable, problem: Problem, solution: Solution): NewPlan {
  const leftOut = solution.unassigned.map(({ id, detail }) => ({ orderId: id, reason: detail }))
  return {
    routes: solution.routes.map((route) => toRoute(day, plannable, problem, route)),
    unassigned: [...plannable.leftOut, ...leftOut],
  }
}

/** One of its routes. */
export function toRoute(
  day: Day,
  { shifts }: Pick<Plannable, 'shifts'>,
  problem: Problem,
  route: SolvedRoute,
): NewRoute {
  const momentOf = (seconds: number) => new Date(day.startsAt.getTime() + seconds * 1000)
  const shift = shifts.find(({ id }) => id === route.vehicleId)
  if (shift === undefined) throw new Error(`The optimizer planned the unknown vehicle ${route.vehicleId}`)
  const stopOf = new Map(problem.stops.map((stop) => [stop.id, stop]))
  let location = 0
  const stops = route.stops.map(({ id, startServiceSeconds }, index): NewStop => {
    const stop = stopOf.get(id)
    if (stop === undefined) throw new Error(`The optimizer planned the unknown stop ${id}`)
    const leg = location * problem.locationCount + stop.location
    location = stop.location
    return {
      orderId: id,
      plannedArrival: momentOf(startServiceSeconds),
      legSeconds: problem.durationsSeconds[leg] ?? 0,
      legMeters: problem.distancesMeters[leg] ?? 0,
      breakSeconds: route.breaks
        .filter(({ afterStops }) => afterStops === index)
        .reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0),
      serviceSeconds: stop.serviceSeconds,
    }
  })
  return {
    shiftId: shift.id,
    driverId: shift.driverId,
    vehicleId: shift.vehicleId,
    startsAt: momentOf(route.startSeconds),
    endsAt: momentOf(route.endSeconds),
    breaks: route.breaks.map(({ startSeconds, endSeconds, afterStops }) => ({
      startsAt: momentOf(startSeconds).toISOString(),
      endsAt: momentOf(endSeconds).toISOString(),
      afterStops,
    })),
    distanceMeters: route.distanceMeters,
    durationSeconds: route.durationSeconds,
    stops,
  }
}
