import type { Problem, Vehicle } from '@urbanbloom/vrp/problem'
import type { Route as TimedRoute } from '@urbanbloom/vrp/solution'
import type { Context } from '../context.ts'
import type { Hub } from '../fleet/hub.ts'
import type { Day } from '../planning/day.ts'
import { readShiftOf } from '../planning/day-store.ts'
import { toRoute } from '../planning/from-solution.ts'
import { departureWithRoom } from '../planning/loading-slots.ts'
import { timeInOrder } from '../planning/time-in-order.ts'
import { toProblem, toVehicle } from '../planning/to-problem.ts'
import { findViolations, noLoadingSlot, type Violation } from './find-violations.ts'
import type { Route, RouteBreak, Stop } from './route.ts'

export type TimedStop = {
  stop: Stop
  position: number
  plannedArrival: Date
  legSeconds: number
  legMeters: number
  breakSeconds: number
}

/** A route with its stops in a new order, and the times that follow from it. */
export type Retimed = {
  stops: TimedStop[]
  breaks: RouteBreak[]
  distanceMeters: number
  durationSeconds: number
  startsAt: Date
  endsAt: Date
  /** What makes the order impossible; the stops are timed all the same. */
  violations: Violation[]
}

/**
 * Computes times and distances of a route whose stops a person put into this order, with the optimizer's own times,
 * breaks included. The van leaves no later than it was to leave. It calls the travel times.
 */
export async function retime(ctx: Context, hub: Hub, route: Route, stops: readonly Stop[]): Promise<Retimed> {
  const problem = await problemOf(ctx, hub, route, stops)
  const timed = timeInOrder(
    problem.problem,
    problem.vehicle,
    stops.map(({ id }) => id),
  )
  if (timed === null) return emptied(route, ctx.now())
  const others = hub.loadingVansPerSlot === null ? [] : await otherDepartures(ctx, route)
  return toRetimed(problem, route, stops, timed, others)
}

/** When the other vans of the day leave the hub. */
async function otherDepartures(ctx: Context, { id, hubId, date }: Route): Promise<Date[]> {
  const rows = await ctx.db.query<{ starts_at: Date }>(
    `select starts_at from routes where hub_id = $1 and local_date = $2::date and id <> $3
       and status in ('planned', 'started', 'completed')`,
    [hubId, date, id],
  )
  return rows.map(({ starts_at: startsAt }) => startsAt)
}

type RouteProblem = { day: Day; problem: Problem; vehicle: Vehicle }

/** Stops carry their own ids here, not those of orders: an order may have failed on this route before. */
async function problemOf(
  ctx: Context,
  hub: Hub,
  route: Route,
  stops: readonly Stop[],
): Promise<RouteProblem> {
  const read = await readShiftOf(ctx.db, route)
  const shift = { ...read, start: new Date(Math.max(read.start.getTime(), ctx.now().getTime())) }
  const startsAt = new Date(Math.floor((read.start.getTime() - 12 * 3_600_000) / 1000) * 1000)
  const day: Day = { hub, date: route.date, startsAt, shifts: [shift], deliveries: [], routes: [] }
  const matrix = await ctx.travelTimes.matrix([hub, ...stops.map(({ address }) => address)], {
    from: shift.start,
    to: new Date(Math.max(shift.end.getTime(), shift.start.getTime() + 1)),
    timeZone: hub.timeZone,
  })
  const deliveries = stops.map((stop) => ({ ...stop, orderId: stop.id, readyAt: null, heldBackReason: null }))
  const plannable = { now: ctx.now(), shifts: [shift], deliveries, leftOut: [] }
  const problem = toProblem(day, plannable, matrix)
  return { day, problem: withServiceOf(problem, stops), vehicle: openEnded(toVehicle(day, shift, [])) }
}

/** Where history has taught how long a stop takes, the stop says so. */
function withServiceOf(problem: Problem, stops: readonly Stop[]): Problem {
  return {
    ...problem,
    stops: problem.stops.map((stop, index) => ({
      ...stop,
      serviceSeconds: stops[index]?.serviceSeconds ?? stop.serviceSeconds,
    })),
  }
}

/** The optimizer wants a shift that does not end before it starts; what is too late is a violation. */
function openEnded(vehicle: Vehicle): Vehicle {
  const [start, end] = vehicle.shift
  return end > start ? vehicle : { ...vehicle, shift: [start, start + 1], breaks: [] }
}

function toRetimed(
  { day, problem, vehicle }: RouteProblem,
  route: Route,
  stops: readonly Stop[],
  timed: TimedRoute,
  others: readonly Date[],
): Retimed {
  const written = toRoute(day, { shifts: day.shifts }, problem, timed)
  const earliest = day.startsAt.getTime() + vehicle.shift[0] * 1000
  const asPlanned = Math.max(route.startsAt.getTime(), earliest)
  const wanted = new Date(Math.min(asPlanned, written.startsAt.getTime()))
  const loaded = departureWithRoom({ wanted, earliest: new Date(earliest) }, day.hub, others)
  const startsAt = loaded ?? wanted
  return {
    stops: stops.map((stop, index) => {
      const place = written.stops[index]
      if (place === undefined) throw new Error(`The stop ${stop.id} was not timed`)
      const { plannedArrival, legSeconds, legMeters, breakSeconds } = place
      return { stop, position: index + 1, plannedArrival, legSeconds, legMeters, breakSeconds }
    }),
    breaks: written.breaks,
    distanceMeters: written.distanceMeters,
    durationSeconds: Math.round((written.endsAt.getTime() - startsAt.getTime()) / 1000),
    startsAt,
    endsAt: written.endsAt,
    violations: [
      ...findViolations(day, vehicle, stops, { ...written, startsAt }),
      ...(loaded === null ? [noLoadingSlot(startsAt)] : []),
    ],
  }
}

function emptied(route: Route, now: Date): Retimed {
  const startsAt = new Date(Math.max(route.startsAt.getTime(), now.getTime()))
  return {
    stops: [],
    breaks: [],
    distanceMeters: 0,
    durationSeconds: 0,
    startsAt,
    endsAt: startsAt,
    violations: [],
  }
}
