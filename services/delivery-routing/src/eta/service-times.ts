import { createHash } from 'node:crypto'
import { type Stop, serviceSecondsFor } from '../dispatch/route.ts'

/**
 * What history tells of the stops of one class: how many there were, and how long they took in proportion to
 * `serviceSecondsFor`, which knows nothing of history, so that what was learned is never learned again on top of itself.
 */
export type ServiceHistory = { class: string; stops: number; meanRatio: number }

/** A class with fewer stops than these is drawn to the one above by as many stops of that. */
const PRIOR_STOPS = { all: 50, weight: 20, place: 4 } as const
const HEAVY_FROM_GRAMS = 15_000
/** About eleven meters: one building. */
const PLACE_DIGITS = 4

export type Served = Pick<Stop, 'weightGrams' | 'parcels' | 'transport'> & {
  address: { latitude: number; longitude: number }
}

/** The classes that a stop belongs to, from the widest to the narrowest. */
export function classesOf(
  stop: Pick<Served, 'weightGrams' | 'address'>,
): [all: string, weight: string, place: string] {
  return ['*', stop.weightGrams > HEAVY_FROM_GRAMS ? 'heavy' : 'light', placeClass(stop.address)]
}

/** A building as history knows it: not where it is. */
function placeClass({ latitude, longitude }: Served['address']): string {
  const place = `${latitude.toFixed(PLACE_DIGITS)} ${longitude.toFixed(PLACE_DIGITS)}`
  return `place:${createHash('sha256').update(place).digest('hex').slice(0, 32)}`
}

/**
 * How long a stop takes: the figure of `serviceSecondsFor`, corrected by what all stops of the hub took, by those as heavy, and by
 * those in the same building. Each class counts for as much as it has stops (shrinkage towards the wider class, as in
 * an empirical Bayes estimate), so that one slow customer does not slow a building down for ever.
 */
export function expectedServiceSeconds(stop: Served, history: ReadonlyMap<string, ServiceHistory>): number {
  const [all, weight, place] = classesOf(stop)
  const overall = shrink(history.get(all), PRIOR_STOPS.all, 1)
  const byWeight = shrink(history.get(weight), PRIOR_STOPS.weight, overall)
  return serviceSecondsFor(stop) * shrink(history.get(place), PRIOR_STOPS.place, byWeight)
}

/** With fewer stops of a hub than these, its plans do without history. */
const LEAST_STOPS = 30
/** However odd its history, a stop is planned for no less and no more than these shares of the usual time. */
const PLANNED_SHARE = { min: 0.5, max: 2.5 } as const

/** How long a stop is planned to take, in whole seconds: as expected, within bounds, once a hub has enough history. */
export function plannedServiceSeconds(stop: Served, history: ReadonlyMap<string, ServiceHistory>): number {
  const usual = serviceSecondsFor(stop)
  if ((history.get('*')?.stops ?? 0) < LEAST_STOPS) return usual
  const share = expectedServiceSeconds(stop, history) / usual
  return Math.round(usual * Math.min(PLANNED_SHARE.max, Math.max(PLANNED_SHARE.min, share)))
}

function shrink(known: ServiceHistory | undefined, priorStops: number, prior: number): number {
  if (known === undefined) return prior
  return (known.stops * known.meanRatio + priorStops * prior) / (known.stops + priorStops)
}
