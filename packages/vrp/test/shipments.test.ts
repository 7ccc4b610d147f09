import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { Shipment, Stop, Vehicle } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const halves = (from: Partial<Stop> = {}, to: Partial<Stop> = {}) => [
  stopAt(50, { demand: [0], ...from }),
  stopAt(10, { demand: [0], ...to }),
]
const parcel: Shipment = { pickupStop: 's50', deliveryStop: 's10', amount: [6] }

const plan = (
  stops: readonly Stop[],
  vehicles: readonly Vehicle[],
  shipments: readonly Shipment[] = [parcel],
) => {
  const problem = { ...lineProblem(stops, vehicles), shipments }
  const solution = solve(problem, { maxIterations: 100 })
  expect(checkSolution(problem, solution)).toEqual([])
  return { ...solution, order: solution.routes.map(({ stops: visits }) => visits.map(({ id }) => id)) }
}

test('the pickup comes before the delivery, on one vehicle, although they lie the other way round', () => {
  const near = vehicle('near', { startLocation: 10, endLocation: 10 })
  const { order } = plan(halves(), [vehicle('van'), near])
  expect(order).toEqual([['s50', 's10']])
})

test('goods are on board between the two stops alone', () => {
  const others = [stopAt(60, { demand: [5] }), stopAt(5, { pickup: [5], demand: [0] })]
  const { order, routes, unassigned } = plan([...halves(), ...others], [vehicle('van')])
  expect(unassigned).toEqual([])
  // The goods for s60 leave room for the parcel only once they have been delivered.
  expect(order[0]!.indexOf('s60')).toBeLessThan(order[0]!.indexOf('s50'))
  expect(order[0]!.indexOf('s5')).toBeGreaterThan(order[0]!.indexOf('s10'))
  expect(routes[0]?.load).toEqual([6])
})

test('two shipments that do not fit on board together follow each other', () => {
  const stops = [...halves(), stopAt(60, { demand: [0] }), stopAt(20, { demand: [0] })]
  const other = { pickupStop: 's60', deliveryStop: 's20', amount: [6] }
  const { order } = plan(stops, [vehicle('van')], [parcel, other])
  const [route = []] = order
  expect(Math.abs(route.indexOf('s50') - route.indexOf('s10'))).toBe(1)
  expect(plan(stops, [vehicle('large', { capacity: [12] })], [parcel, other]).cost).toBe(1_200)
})

test('a shipment whose delivery is impossible is left out as a whole, with one reason', () => {
  const late = halves({}, { timeWindows: [[0, 80]] })
  expect(plan(late, [vehicle('van')]).unassigned).toMatchObject([
    { id: 's50', reason: 'time_window' },
    { id: 's10', reason: 'time_window' },
  ])
  const skilled = halves({ skills: ['cold'] }, { skills: ['lift'] })
  expect(
    plan(skilled, [vehicle('a', { skills: ['cold'] }), vehicle('b', { skills: ['lift'] })]).unassigned[0],
  ).toMatchObject({ reason: 'skills' })
  expect(plan(halves(), [vehicle('van', { capacity: [5] })]).unassigned[0]).toMatchObject({
    reason: 'capacity',
  })
  expect(plan(halves(), [vehicle('van', { maxStops: 1 })]).unassigned[0]).toMatchObject({
    reason: 'vehicle_limit',
  })
})

test('a pickup and a demand of the same stop swap places on board', () => {
  const stops = [stopAt(10, { demand: [10], pickup: [10] }), stopAt(20, { demand: [0], pickup: [1] })]
  const { unassigned } = plan(stops, [vehicle('van')], [])
  expect(unassigned).toHaveLength(1)
})
