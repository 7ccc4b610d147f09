import { expect, it } from 'vitest'
import type { Route, Stop } from '../dispatch/route.ts'
import { expectedArrivals } from './etas.ts'

const at = (clock: string) => new Date(`2026-06-10T${clock}:00Z`)

function route(stops: Partial<Stop>[]): Route {
  const rest = {
    legSeconds: 600,
    breakSeconds: 0,
    serviceSeconds: 300,
    windowStart: at('08:00'),
    arrivedAt: null,
    completedAt: null,
  }
  return {
    startedAt: at('08:00'),
    stops: stops.map((stop, index) => ({ id: `${index + 1}`, status: 'pending', ...rest, ...stop })),
  } as Route
}

it('counts from the start along legs and service', () => {
  expect([...expectedArrivals(route([{}, {}]), at('08:00'))]).toEqual([
    ['1', at('08:10')],
    ['2', at('08:25')],
  ])
})

it('counts from the last stop that was done, so lateness moves on', () => {
  const done = { status: 'delivered', completedAt: at('09:00') } as const
  expect([...expectedArrivals(route([done, {}, {}]), at('09:00'))]).toEqual([
    ['2', at('09:10')],
    ['3', at('09:25')],
  ])
})

it('counts from now on where the driver stays longer than planned', () => {
  const here = { status: 'arrived', arrivedAt: at('08:10') } as const
  expect(expectedArrivals(route([here, {}]), at('08:40')).get('2')).toEqual(at('08:50'))
})

it('waits for a window', () => {
  expect(expectedArrivals(route([{ windowStart: at('10:00') }, {}]), at('08:00')).get('2')).toEqual(
    at('10:15'),
  )
})
