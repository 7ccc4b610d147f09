import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Route, Stop, StopStatus } from '../dispatch/route.ts'
import { paceAt } from '../travel/traffic.ts'
import { arrivalWindow } from './arrival-window.ts'
import { expectedArrivals, type Knowledge } from './expected-arrivals.ts'
import { classesOf, expectedServiceSeconds, type ServiceHistory } from './service-times.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const VANS = 4
const STOPS = 25
const DAYS = 30
const timeZone = 'America/New_York'
const hub = { latitude: 33.7573, longitude: -84.3521 }

/** Numbers that look random and are the same every time: counters through SHA-256. */
function randomFrom(seed: string) {
  let counter = 0
  const uniform = () => {
    counter += 1
    return createHash('sha256').update(`${seed} ${counter}`).digest().readUInt32BE() / 2 ** 32
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  /** Mean 1, with the given deviation of its logarithm. */
  const factor = (sigma: number) => Math.exp(sigma * normal() - sigma ** 2 / 2)
  return { uniform, factor }
}

type Random = ReturnType<typeof randomFrom>
/** One van's day as it was planned, and as it really went. */
type Day = { route: Route; period: Knowledge['period']; arrivals: Date[]; completions: Date[]; left: Date }

/**
 * A day with the noise of a town: traffic of the day (one in ten days 20 % off), drivers who differ by a tenth, legs
 * by a quarter, stops by half around what their building takes, and one stop in forty that holds the van up for a
 * quarter of an hour.
 */
function simulate(random: Random, trafficOfDay: number): Day {
  const startsAt = new Date('2026-06-10T12:00:00Z')
  const period = { from: startsAt, to: new Date('2026-06-10T22:00:00Z'), timeZone }
  const driver = random.factor(0.1)
  const left = new Date(startsAt.getTime() + (random.factor(0.9) - 0.4) * 8 * MINUTE_MS)
  const arrivals: Date[] = []
  const completions: Date[] = []
  const stops: Stop[] = []
  let planned = startsAt.getTime()
  let clock = left.getTime()
  for (let index = 0; index < STOPS; index += 1) {
    const legSeconds = Math.round(180 + random.uniform() * 420)
    const heavy = random.uniform() < 0.2
    const serviceSeconds = heavy ? 360 : 180
    const place = Math.floor(random.uniform() * 200)
    planned += legSeconds * 1000
    clock += legSeconds * 1000 * paceAt(new Date(clock), period) * trafficOfDay * driver * random.factor(0.25)
    if (random.uniform() < 1 / 40) clock += 15 * MINUTE_MS
    arrivals.push(new Date(clock))
    clock += serviceSeconds * 1000 * buildingFactor(place) * random.factor(0.5)
    completions.push(new Date(clock))
    stops.push({
      id: `${index}`,
      status: 'pending',
      legSeconds,
      breakSeconds: 0,
      serviceSeconds,
      weightGrams: heavy ? 20_000 : 4_000,
      parcels: 1,
      transport: {},
      address: {
        latitude: hub.latitude + Math.floor(place / 20) / 200,
        longitude: hub.longitude + (place % 20) / 400,
      },
      windowStart: new Date('2026-06-10T11:00:00Z'),
      plannedArrival: new Date(planned),
      eta: new Date(planned),
      arrivedAt: null,
      completedAt: null,
    } as unknown as Stop)
    planned += serviceSeconds * 1000
  }
  return {
    route: { startsAt, startedAt: null, resumesAt: null, stops } as unknown as Route,
    period,
    arrivals,
    completions,
    left,
  }
}

/** Some houses have a porter and some have four floors. */
function buildingFactor(place: number): number {
  return 0.7 + ((place * 37) % 100) / 100
}

/** The route as the service knows it at a moment. */
function routeAt({ route, arrivals, completions, left }: Day, now: Date): Route {
  const stops = route.stops.map((stop, index): Stop => {
    const arrivedAt = arrivals[index]
    const completedAt = completions[index]
    if (arrivedAt === undefined || completedAt === undefined || arrivedAt > now) return stop
    const status: StopStatus = completedAt > now ? 'arrived' : 'delivered'
    return { ...stop, status, arrivedAt, completedAt: completedAt > now ? null : completedAt }
  })
  return { ...route, startedAt: left > now ? null : left, stops }
}

/** Where the van is on the straight line between two stops. */
function positionAt({ route, arrivals, completions, left }: Day, now: Date): Knowledge['position'] {
  const next = arrivals.findIndex((arrival) => arrival > now)
  const to = route.stops[next]
  const departed = next === 0 ? left : completions[next - 1]
  const arrives = arrivals[next]
  if (to === undefined || departed === undefined || arrives === undefined || departed > now) return null
  const from = route.stops[next - 1]?.address ?? hub
  const share = (now.getTime() - departed.getTime()) / (arrives.getTime() - departed.getTime())
  return {
    latitude: from.latitude + (to.address.latitude - from.latitude) * share,
    longitude: from.longitude + (to.address.longitude - from.longitude) * share,
    recordedAt: now,
  }
}

/** The windows that were shown an hour before each arrival, with whether the arrival fell into it. */
function shownAnHourBefore(day: Day, history: ReadonlyMap<string, ServiceHistory>) {
  return day.arrivals.map((arrival, index) => {
    const now = new Date(arrival.getTime() - HOUR_MS)
    const route = routeAt(day, now)
    const isUnderWay = route.startedAt !== null
    const stop = route.stops[index]
    const expected = isUnderWay
      ? expectedArrivals(route, {
          now,
          hub,
          period: day.period,
          position: positionAt(day, now),
          serviceSeconds: (each) => expectedServiceSeconds(each, history),
        }).get(stop?.id ?? '')
      : stop?.plannedArrival
    if (expected === undefined) throw new Error('Every stop that is to come has an ETA')
    const stopsAhead = route.stops.slice(0, index).filter(({ completedAt }) => completedAt === null).length
    const window = arrivalWindow(expected, { now, isUnderWay, stopsAhead })
    return {
      index,
      isUnderWay,
      holds: arrival >= window.start && arrival <= window.end,
      minutes: (window.end.getTime() - window.start.getTime()) / MINUTE_MS,
      errorMinutes: (arrival.getTime() - expected.getTime()) / MINUTE_MS,
    }
  })
}

/** What a night's aggregate of earlier days would hold: the mean of each class, over a few stops of each building. */
function learn(days: readonly Day[]): Map<string, ServiceHistory> {
  const sums = new Map<string, { stops: number; ratios: number }>()
  for (const { route, arrivals, completions } of days) {
    for (const [index, stop] of route.stops.entries()) {
      const seconds = ((completions[index]?.getTime() ?? 0) - (arrivals[index]?.getTime() ?? 0)) / 1000
      for (const name of classesOf(stop)) {
        const sum = sums.get(name) ?? { stops: 0, ratios: 0 }
        sums.set(name, { stops: sum.stops + 1, ratios: sum.ratios + seconds / stop.serviceSeconds })
      }
    }
  }
  return new Map(
    [...sums].map(([name, { stops, ratios }]) => [name, { class: name, stops, meanRatio: ratios / stops }]),
  )
}

describe('the window shown an hour before', () => {
  const fleet = (seed: string, days = DAYS) =>
    Array.from({ length: days }, (_, day) => {
      const random = randomFrom(`${seed} ${day}`)
      const traffic = random.factor(0.12)
      return Array.from({ length: VANS }, () => simulate(random, traffic))
    }).flat()
  const history = learn(fleet('earlier'))
  const shown = fleet('today').flatMap((day) => shownAnHourBefore(day, history))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

  it('holds at least nine of ten arrivals, and is not so wide that it says nothing', () => {
    const held = shown.filter(({ holds }) => holds).length / shown.length
    const width = mean(shown.map(({ minutes }) => minutes))
    expect(held).toBeGreaterThanOrEqual(0.9)
    expect(width).toBeLessThan(60)
  })

  it('holds as well on other days, for the first and the last stops, and before the van has left', () => {
    const others = ['tomorrow', 'the day after'].flatMap((seed) =>
      fleet(seed, DAYS / 3).flatMap((day) => shownAnHourBefore(day, history)),
    )
    const heldOf = (some: typeof shown) => some.filter(({ holds }) => holds).length / some.length
    expect(heldOf(others)).toBeGreaterThanOrEqual(0.9)
    const all = [...shown, ...others]
    const parts = {
      first: all.filter(({ index }) => index < 5),
      last: all.filter(({ index }) => index >= STOPS - 5),
      waiting: all.filter(({ isUnderWay }) => !isUnderWay),
      underWay: all.filter(({ isUnderWay }) => isUnderWay),
    }
    for (const [name, part] of Object.entries(parts)) {
      expect(part.length, name).toBeGreaterThan(500)
      expect(heldOf(part), name).toBeGreaterThanOrEqual(0.88)
    }
  })

  it('is nearer with what history has learned than with the plan’s service times', () => {
    const unlearned = fleet('today').flatMap((day) => shownAnHourBefore(day, new Map()))
    const errorOf = (all: typeof shown) => mean(all.map(({ errorMinutes }) => Math.abs(errorMinutes)))
    expect(errorOf(shown)).toBeLessThan(errorOf(unlearned))
  })
})
