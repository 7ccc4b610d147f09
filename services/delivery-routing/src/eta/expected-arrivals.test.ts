import { expect, it } from 'vitest'
import type { Route, Stop } from '../dispatch/route.ts'
import { expectedArrivals, type Knowledge } from './expected-arrivals.ts'

const at = (clock: string) => new Date(`2026-06-10T${clock}:00Z`)
const hub = { latitude: 33.75, longitude: -84.36 }
/** A kilometer north of the one before. */
const place = (index: number) => ({ latitude: 33.75 + index * 0.009, longitude: -84.36 })

function route(stops: Partial<Stop>[]): Route {
  const rest = {
    legSeconds: 600,
    breakSeconds: 0,
    serviceSeconds: 300,
    weightGrams: 1_000,
    windowStart: at('08:00'),
    arrivedAt: null,
    completedAt: null,
  }
  return {
    startedAt: at('08:00'),
    resumesAt: null,
    stops: stops.map((stop, index) => ({
      id: `${index + 1}`,
      status: 'pending',
      address: place(index + 1),
      ...rest,
      ...stop,
    })),
  } as Route
}

/** At night in the hub's time zone, where the speed is the same at every hour. */
function known(clock: string, more: Partial<Knowledge> = {}): Knowledge {
  return {
    now: at(clock),
    hub,
    period: { from: at('05:00'), to: at('09:00'), timeZone: 'America/New_York' },
    position: null,
    serviceSeconds: (stop) => stop.serviceSeconds,
    ...more,
  }
}

const minutes = (a: Date | undefined, b: Date) => ((a?.getTime() ?? Number.NaN) - b.getTime()) / 60_000

it('counts from the start along legs, breaks and service', () => {
  expect([...expectedArrivals(route([{}, { breakSeconds: 900 }]), known('08:00'))]).toEqual([
    ['1', at('08:10')],
    ['2', at('08:40')],
  ])
})

it('counts from the last stop that was done, so lateness moves on', () => {
  const done = { status: 'delivered', completedAt: at('08:30') } as const
  expect([...expectedArrivals(route([done, {}, {}]), known('08:30'))]).toEqual([
    ['2', at('08:40')],
    ['3', at('08:55')],
  ])
})

it('waits for a window', () => {
  const etas = expectedArrivals(route([{ windowStart: at('10:00') }, {}]), known('08:00'))
  expect(etas.get('2')?.getTime()).toBeGreaterThan(at('10:12').getTime())
})

it('counts from the position: half of the way is half of the leg', () => {
  const position = { latitude: 33.7545, longitude: -84.36, recordedAt: at('08:02') }
  const etas = expectedArrivals(route([{}, {}]), known('08:02', { position }))
  expect(minutes(etas.get('1'), at('08:07'))).toBeCloseTo(0, 1)
  expect(minutes(etas.get('2'), at('08:22'))).toBeCloseTo(0, 1)
})

it('forgets a position that is old, or from before the last stop', () => {
  const near = { latitude: 33.7589, longitude: -84.36 }
  const old = { ...near, recordedAt: at('08:02') }
  expect(expectedArrivals(route([{}]), known('08:08', { position: old })).get('1')).toEqual(at('08:10'))
  const done = { status: 'delivered', completedAt: at('08:30') } as const
  const before = { ...near, recordedAt: at('08:29') }
  const etas = expectedArrivals(route([done, {}]), known('08:31', { position: before }))
  expect(etas.get('2')).toEqual(at('08:40'))
})

it('never expects an arrival in the past, however long nothing is heard', () => {
  const [next, last] = expectedArrivals(route([{}, {}]), known('09:00')).values()
  expect(minutes(next, at('09:00'))).toBeGreaterThan(0.9)
  expect(minutes(last, at('09:15'))).toBeGreaterThan(0.9)
})

it('counts from now on where the driver stays longer than the stop takes', () => {
  const here = { status: 'arrived', arrivedAt: at('08:10') } as const
  const eta = expectedArrivals(route([here, {}]), known('08:40')).get('2')
  expect(minutes(eta, at('08:50'))).toBeGreaterThan(0)
  expect(minutes(eta, at('08:50'))).toBeLessThan(3)
})

it('expects a driver who has been slow to stay slow, but not quite as slow', () => {
  const done = { status: 'delivered', arrivedAt: at('08:20'), completedAt: at('08:30') } as const
  const eta = expectedArrivals(route([done, {}]), known('08:30')).get('2')
  expect(minutes(eta, at('08:40'))).toBeGreaterThan(1)
  expect(minutes(eta, at('08:40'))).toBeLessThan(6)
})

it('takes longer in the rush hour', () => {
  // Five in the afternoon by the hub's clocks, in a plan of the whole day.
  const period = { from: at('11:00'), to: new Date('2026-06-11T02:00:00Z'), timeZone: 'America/New_York' }
  const evening = { ...route([{ windowStart: at('08:00') }]), startedAt: at('21:00') }
  const eta = expectedArrivals(evening, { ...known('21:00'), period }).get('1')
  expect(minutes(eta, at('21:10'))).toBeGreaterThan(1.5)
})
