import type { Context } from '../context.ts'
import type { Hub } from '../fleet/hub.ts'
import type { Route, Stop } from './route.ts'
import { timetable } from './timetable.ts'

export type TimedStop = {
  stop: Stop
  position: number
  plannedArrival: Date
  legSeconds: number
  legMeters: number
}

/** A route with its stops in a new order, and the times that follow from it. */
export type Retimed = { stops: TimedStop[]; distanceMeters: number; durationSeconds: number; endsAt: Date }

/** Computes times and distances of a route whose stops a person put into this order. It calls the travel times. */
export async function retime(ctx: Context, hub: Hub, route: Route, stops: readonly Stop[]): Promise<Retimed> {
  const departure = new Date(Math.max(route.startsAt.getTime(), ctx.now().getTime()))
  const points = [hub, ...stops.map(({ address }) => address)]
  const { count, durationsSeconds, distancesMeters } = await ctx.travelTimes.matrix(points, {
    from: departure,
    to: new Date(Math.max(departure.getTime(), route.endsAt.getTime())),
    timeZone: hub.timeZone,
  })
  const leg = (from: number, to: number) => ({
    legSeconds: durationsSeconds[from * count + to] ?? 0,
    legMeters: distancesMeters[from * count + to] ?? 0,
  })
  const legs = stops.map((_, index) => leg(index, index + 1))
  const visits = stops.map(({ serviceSeconds, windowStart }, index) => ({
    serviceSeconds,
    windowStart,
    legSeconds: legs[index]?.legSeconds ?? 0,
  }))
  const begins = timetable(departure, visits)
  const back = leg(stops.length, 0)
  const timed = stops.map((stop, index) => ({
    stop,
    position: index + 1,
    plannedArrival: begins[index] ?? departure,
    ...(legs[index] ?? leg(0, 0)),
  }))
  const last = timed.at(-1)
  const endsAt =
    last === undefined
      ? departure
      : new Date(last.plannedArrival.getTime() + (last.stop.serviceSeconds + back.legSeconds) * 1000)
  return {
    stops: timed,
    distanceMeters: timed.reduce(
      (sum, { legMeters }) => sum + legMeters,
      last === undefined ? 0 : back.legMeters,
    ),
    durationSeconds: Math.round((endsAt.getTime() - departure.getTime()) / 1000),
    endsAt,
  }
}
