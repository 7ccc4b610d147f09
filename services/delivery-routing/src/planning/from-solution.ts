import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import type { Day } from './day.ts'
import type { Plannable, Unassigned } from './to-problem.ts'

export type NewStop = {
  orderId: string
  plannedArrival: Date
  legSeconds: number
  legMeters: number
  serviceSeconds: number
}

export type NewRoute = {
  shiftId: string
  driverId: string
  vehicleId: string
  startsAt: Date
  endsAt: Date
  distanceMeters: number
  durationSeconds: number
  stops: NewStop[]
}

export type NewPlan = { routes: NewRoute[]; unassigned: Unassigned[] }

/** The optimizer's answer in terms of the day. */
export function fromSolution(day: Day, plannable: Plannable, problem: Problem, solution: Solution): NewPlan {
  const momentOf = (seconds: number) => new Date(day.startsAt.getTime() + seconds * 1000)
  const stopOf = new Map(problem.stops.map((stop) => [stop.id, stop]))
  const shiftOf = new Map(plannable.shifts.map((shift) => [shift.id, shift]))

  const routes = solution.routes.map((route): NewRoute => {
    const shift = shiftOf.get(route.vehicleId)
    if (shift === undefined) throw new Error(`The optimizer planned the unknown vehicle ${route.vehicleId}`)
    let location = 0
    const stops = route.stops.map(({ id, startServiceSeconds }): NewStop => {
      const stop = stopOf.get(id)
      if (stop === undefined) throw new Error(`The optimizer planned the unknown stop ${id}`)
      const leg = location * problem.locationCount + stop.location
      location = stop.location
      return {
        orderId: id,
        plannedArrival: momentOf(startServiceSeconds),
        legSeconds: problem.durationsSeconds[leg] ?? 0,
        legMeters: problem.distancesMeters[leg] ?? 0,
        serviceSeconds: stop.serviceSeconds,
      }
    })
    return {
      shiftId: shift.id,
      driverId: shift.driverId,
      vehicleId: shift.vehicleId,
      startsAt: momentOf(route.startSeconds),
      endsAt: momentOf(route.endSeconds),
      distanceMeters: route.distanceMeters,
      durationSeconds: route.durationSeconds,
      stops,
    }
  })
  const leftOut = solution.unassigned.map(({ id, detail }) => ({ orderId: id, reason: detail }))
  return { routes, unassigned: [...plannable.tooLate, ...leftOut] }
}
