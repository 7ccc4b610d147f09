import { openStatuses, type Route, type Stop } from '../dispatch/route.ts'
import { distanceMeters, type Point } from '../geo.ts'
import { averageSpeed, paceAt, type TravelPeriod } from '../travel/traffic.ts'

/** What is known beside the route itself. */
export type Knowledge = {
  now: Date
  /** Where the route begins. */
  hub: Point
  /** What the planned legs are averages over. */
  period: TravelPeriod
  /** Where the van was last, if that is known. */
  position: (Point & { recordedAt: Date }) | null
  /** How long a stop takes, as far as history tells. */
  serviceSeconds: (stop: Stop) => number
}

/** An older position says less than the plan. */
const POSITION_AGE_MAX_MS = 5 * 60_000
/** On a leg shorter than this the share that is left means nothing; the distance does. */
const SHORT_LEG_METERS = 300
const DETOUR_FACTOR = 1.3
/** Of what a leg takes, the least that is still to come for a driver of whom nothing has been heard for that long. */
const OVERDUE_SHARE = 0.15
/** The same for a driver who is at a stop for longer than it takes. */
const OVERSTAY_SHARE = 0.25

/**
 * When the driver of a started route is expected at each open stop: from the last position, or else the last thing
 * known to have happened, along the legs at the speeds of their hours, with service times as history has them, both
 * scaled by how this driver has done so far today. A driver who is early waits for the window.
 */
export function expectedArrivals(route: Route, knowledge: Knowledge): Map<string, Date> {
  const { now, period, serviceSeconds } = knowledge
  const ratios = ratiosSoFar(route, knowledge)
  const etas = new Map<string, Date>()
  let clock = lastEvent(route, now)
  let place: Point = placeBefore(route, knowledge.hub)
  let isFirst = true
  for (const stop of route.stops) {
    if (!openStatuses.includes(stop.status)) continue
    const legMs = stop.legSeconds * 1000 * paceAt(new Date(clock), period) * ratios.leg
    const reached =
      stop.arrivedAt?.getTime() ??
      (isFirst
        ? reachNext({ stop, clock, legMs, place }, knowledge)
        : clock + legMs + stop.breakSeconds * 1000)
    const begin = Math.max(reached, stop.windowStart.getTime())
    etas.set(stop.id, new Date(Math.round(begin)))
    const serviceMs = serviceSeconds(stop) * 1000 * ratios.service
    clock = begin + serviceMs
    if (stop.arrivedAt !== null && clock < now.getTime()) clock = now.getTime() + serviceMs * OVERSTAY_SHARE
    place = stop.address
    isFirst = false
  }
  return etas
}

type Leg = { stop: Stop; clock: number; legMs: number; place: Point }

/** When the van that is on its way reaches its next stop. */
function reachNext(
  { stop, clock, legMs, place }: Leg,
  { now, position, period: { timeZone } }: Knowledge,
): number {
  const isFresh =
    position !== null &&
    position.recordedAt.getTime() >= clock &&
    now.getTime() - position.recordedAt.getTime() <= POSITION_AGE_MAX_MS
  if (!isFresh) {
    const planned = clock + legMs + stop.breakSeconds * 1000
    return Math.max(planned, now.getTime() + Math.max(60_000, legMs * OVERDUE_SHARE))
  }
  const whole = distanceMeters(place, stop.address)
  const left = distanceMeters(position, stop.address)
  const speed = averageSpeed({ from: now, to: now, timeZone })
  const leftMs =
    whole < SHORT_LEG_METERS ? ((left * DETOUR_FACTOR) / speed) * 1000 : legMs * Math.min(2, left / whole)
  return Math.max(now.getTime(), position.recordedAt.getTime() + leftMs)
}

/** The last thing known to have happened on the route, or the end of a hand-over that is still to come. */
function lastEvent(route: Route, now: Date): number {
  const done = route.stops.map(({ completedAt }) => completedAt?.getTime() ?? 0)
  return Math.max(route.startedAt?.getTime() ?? now.getTime(), route.resumesAt?.getTime() ?? 0, ...done)
}

/** Where the van was then: at the stop that was completed last, or the hub. */
function placeBefore(route: Route, hub: Point): Point {
  const last = route.stops
    .filter(({ completedAt }) => completedAt !== null)
    .toSorted((a, b) => (b.completedAt?.getTime() ?? 0) - (a.completedAt?.getTime() ?? 0))[0]
  return last?.address ?? hub
}

/** What a driver's day so far weighs against: this much of driving and serving as expected. */
const PRIOR_LEG_SECONDS = 1_800
const PRIOR_SERVICE_SECONDS = 1_200
const RATIO_MIN = 0.7
const RATIO_MAX = 1.7

/** How much longer than expected this driver's legs and stops have taken today, drawn towards 1. */
function ratiosSoFar(route: Route, { period, serviceSeconds }: Knowledge): { leg: number; service: number } {
  const leg = { taken: PRIOR_LEG_SECONDS, expected: PRIOR_LEG_SECONDS }
  const service = { taken: PRIOR_SERVICE_SECONDS, expected: PRIOR_SERVICE_SECONDS }
  let left = route.startedAt
  const done = route.stops
    .filter(({ completedAt }) => completedAt !== null)
    .toSorted((a, b) => (a.completedAt?.getTime() ?? 0) - (b.completedAt?.getTime() ?? 0))
  for (const stop of done) {
    const { arrivedAt, completedAt } = stop
    if (arrivedAt !== null && left !== null && arrivedAt > left) {
      leg.taken += (arrivedAt.getTime() - left.getTime()) / 1000
      leg.expected += stop.legSeconds * paceAt(left, period) + stop.breakSeconds
    }
    if (arrivedAt !== null && completedAt !== null) {
      const begun = Math.max(arrivedAt.getTime(), stop.windowStart.getTime())
      if (completedAt.getTime() > begun) {
        service.taken += (completedAt.getTime() - begun) / 1000
        service.expected += serviceSeconds(stop)
      }
    }
    left = completedAt
  }
  const ratio = ({ taken, expected }: typeof leg) =>
    Math.min(RATIO_MAX, Math.max(RATIO_MIN, taken / expected))
  return { leg: ratio(leg), service: ratio(service) }
}
