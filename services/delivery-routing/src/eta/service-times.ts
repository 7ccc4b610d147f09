import { createHash } from 'node:crypto'
import type { Stop } from '../dispatch/route.ts'

/** What history tells of the stops of one class: how many there were, and how long they took in proportion to the plan. */
export type ServiceHistory = { class: string; stops: number; meanRatio: number }

/** A class with fewer stops than these is drawn to the one above by as many stops of that. */
const PRIOR_STOPS = { all: 50, weight: 20, place: 4 } as const
const HEAVY_FROM_GRAMS = 15_000
/** About eleven meters: one building. */
const PLACE_DIGITS = 4

type Served = Pick<Stop, 'serviceSeconds' | 'weightGrams'> & {
  address: { latitude: number; longitude: number }
}

/** The classes that a stop belongs to, from the widest to the narrowest. */
export function classesOf(stop: Served): [all: string, weight: string, place: string] {
  return ['*', stop.weightGrams > HEAVY_FROM_GRAMS ? 'heavy' : 'light', placeClass(stop.address)]
}

/** A building as history knows it: not where it is. */
function placeClass({ latitude, longitude }: Served['address']): string {
  const place = `${latitude.toFixed(PLACE_DIGITS)} ${longitude.toFixed(PLACE_DIGITS)}`
  return `place:${createHash('sha256').update(place).digest('hex').slice(0, 32)}`
}

/**
 * How long a stop takes: the plan's figure, corrected by what all stops of the hub took, by those as heavy, and by
 * those in the same building. Each class counts for as much as it has stops (shrinkage towards the wider class, as in
 * an empirical Bayes estimate), so that one slow customer does not slow a building down for ever.
 */
export function expectedServiceSeconds(stop: Served, history: ReadonlyMap<string, ServiceHistory>): number {
  const [all, weight, place] = classesOf(stop)
  const overall = shrink(history.get(all), PRIOR_STOPS.all, 1)
  const byWeight = shrink(history.get(weight), PRIOR_STOPS.weight, overall)
  return stop.serviceSeconds * shrink(history.get(place), PRIOR_STOPS.place, byWeight)
}

function shrink(known: ServiceHistory | undefined, priorStops: number, prior: number): number {
  if (known === undefined) return prior
  return (known.stops * known.meanRatio + priorStops * prior) / (known.stops + priorStops)
}
