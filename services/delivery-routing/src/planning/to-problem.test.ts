import { checkSolution } from '@urbanbloom/vrp/check'
import { solve } from '@urbanbloom/vrp/solve'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  at,
  sampleDelivery as delivery,
  sampleHub as hub,
  sampleShift as shift,
} from '../../test/sample-day.ts'
import type { Route, Stop } from '../dispatch/route.ts'
import { createGreatCircleTimes } from '../travel/travel-times.ts'
import type { Day } from './day.ts'
import { fromSolution } from './from-solution.ts'
import { plannableOf } from './plannable.ts'
import { pointsOf, toProblem } from './to-problem.ts'

const { timeZone } = hub

function route(shiftId: string, status: Route['status'], stops: Partial<Stop>[], end = 9): Route {
  return { id: shiftId, shiftId, status, endsAt: at(end), completedAt: null, stops } as unknown as Route
}

function day(parts: Partial<Day>): Day {
  return { hub, date: '2026-06-10', startsAt: at(0), shifts: [], deliveries: [], routes: [], ...parts }
}

async function plan(given: Day, now: Date) {
  const plannable = plannableOf(given, now)
  const period = { from: at(8), to: at(20), timeZone }
  const matrix = await createGreatCircleTimes().matrix(pointsOf(given, plannable), period)
  const problem = toProblem(given, plannable, matrix)
  const solution = solve(problem, { maxIterations: 200 })
  expect(checkSolution(problem, solution)).toEqual([])
  return fromSolution(given, plannable, problem, solution)
}

describe('a plan of today', () => {
  it('sends no van before now, and none whose shift is over', async () => {
    const given = day({ shifts: [shift('long'), shift('early', 7, 12)], deliveries: [delivery('a', 12)] })
    const { routes, unassigned } = await plan(given, at(12.5))
    expect(unassigned).toEqual([])
    expect(routes.map(({ shiftId }) => shiftId)).toEqual(['long'])
    expect(routes[0]?.startsAt.getTime()).toBeGreaterThanOrEqual(at(12.5).getTime())
  })

  it('serves a window that has begun, and says of one that has passed that it has', async () => {
    const given = day({ shifts: [shift('van')], deliveries: [delivery('passed', 8), delivery('begun', 10)] })
    const { routes, unassigned } = await plan(given, at(10.5))
    expect(unassigned).toEqual([{ orderId: 'passed', reason: 'The delivery window has passed' }])
    expect(routes[0]?.stops.map(({ orderId }) => orderId)).toEqual(['begun'])
  })

  it('uses a van again when it is back from the route under way', async () => {
    const underWay = route('van', 'started', [{ eta: at(8.5) }], 9)
    const given = day({ shifts: [shift('van')], deliveries: [delivery('next', 8)], routes: [underWay] })
    const { routes } = await plan(given, at(7.5))
    expect(routes[0]?.startsAt.getTime()).toBeGreaterThanOrEqual(at(9.25).getTime())
  })
})

describe('what a person pinned', () => {
  const pinned = (orderId: string, pin: Stop['pin']): Partial<Stop> => ({ orderId, pin })

  it('stays on its van, and at its place where the order was given', async () => {
    const orders = ['a', 'b', 'c', 'd'].map((id, index) => delivery(id, 12, 0.004 * (index + 1)))
    const routes = [
      route('one', 'planned', [pinned('d', 'place'), pinned('a', 'place'), pinned('b', null)]),
      route('two', 'planned', [pinned('c', 'route')]),
    ]
    const given = day({ shifts: [shift('one'), shift('two')], deliveries: orders, routes })
    const planned = await plan(given, at(6))
    const ordersOf = (id: string) =>
      planned.routes.find(({ shiftId }) => shiftId === id)?.stops.map(({ orderId }) => orderId) ?? []
    expect(ordersOf('one').slice(0, 2)).toEqual(['d', 'a'])
    expect(ordersOf('two')).toContain('c')
  })

  it('is free again when the shift of its van is over', async () => {
    const routes = [route('early', 'planned', [pinned('a', 'route')])]
    const given = day({
      shifts: [shift('early', 7, 10), shift('late')],
      deliveries: [delivery('a', 12)],
      routes,
    })
    const planned = await plan(given, at(11))
    expect(planned.routes.map(({ shiftId }) => shiftId)).toEqual(['late'])
  })
})

it('every delivery is in a plan once, on a route in its window or left out with a reason', async () => {
  const orders = fc.array(
    fc.record({
      hour: fc.constantFrom(8, 10, 12, 14, 16, 18),
      north: fc.double({ min: -0.06, max: 0.06, noNaN: true }),
    }),
    { maxLength: 12 },
  )
  const shifts = fc.array(fc.record({ start: fc.nat({ max: 18 }), hours: fc.integer({ min: 1, max: 10 }) }), {
    maxLength: 3,
  })
  await fc.assert(
    fc.asyncProperty(
      orders,
      shifts,
      fc.double({ min: 0, max: 23, noNaN: true }),
      async (given, vans, now) => {
        const deliveries = given.map(({ hour, north }, index) => delivery(`order ${index}`, hour, north))
        const all = day({
          deliveries,
          shifts: vans.map(({ start, hours }, index) => shift(`shift ${index}`, start, start + hours)),
        })
        const { routes, unassigned } = await plan(all, at(now))
        const stops = routes.flatMap((each) => each.stops)
        const mentioned = [...stops, ...unassigned].map(({ orderId }) => orderId)
        expect(mentioned.toSorted()).toEqual(deliveries.map(({ orderId }) => orderId).toSorted())
        for (const { orderId, plannedArrival } of stops) {
          const wanted = deliveries.find((each) => each.orderId === orderId)
          expect(plannedArrival >= wanted!.windowStart && plannedArrival <= wanted!.windowEnd).toBe(true)
          expect(plannedArrival.getTime()).toBeGreaterThan(at(now).getTime() - 1_000)
        }
        expect(unassigned.every(({ reason }) => reason.length > 10)).toBe(true)
      },
    ),
    { numRuns: 40 },
  )
})
