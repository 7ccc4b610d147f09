import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { ChangePrices, Problem } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const plan = (problem: Problem) => {
  const solution = solve(problem, { maxIterations: 200 })
  expect(checkSolution(problem, solution)).toEqual([])
  return solution
}

test('a vehicle drives no further than it may', () => {
  const stops = [stopAt(10), stopAt(40), stopAt(50)]
  const { routes, unassigned } = plan(lineProblem(stops, [vehicle('van', { maxMeters: 800 })]))
  expect(routes[0]?.distanceMeters).toBe(800)
  expect(unassigned).toMatchObject([{ id: 's50', reason: 'vehicle_limit' }])
})

test('driving time is limited without setups, services and waiting', () => {
  const stops = [
    stopAt(10, { setupSeconds: 100, serviceSeconds: 100 }),
    stopAt(40, { timeWindows: [[600, 700]] }),
    stopAt(50),
  ]
  const { routes, unassigned } = plan(lineProblem(stops, [vehicle('van', { maxTravelSeconds: 80 })]))
  expect(routes[0]?.travelSeconds).toBe(80)
  expect(unassigned).toEqual([
    {
      id: 's50',
      reason: 'vehicle_limit',
      detail: 'Alone, this needs 100 s of driving of van, which may drive 80 s.',
    },
  ])
})

test('locked stops may exceed the limits, but nothing is added to them', () => {
  const stops = [stopAt(50), stopAt(60)]
  const van = vehicle('van', { maxMeters: 800, maxTravelSeconds: 80, lockedStops: ['s50'] })
  expect(plan(lineProblem(stops, [van])).routes[0]?.stops.map(({ id }) => id)).toEqual(['s50'])
})

test('driving can cost without waiting costing anything', () => {
  const costs = { fixed: 5, perMeter: 0, perSecond: 0, perTravelSecond: 2 }
  const stops = [stopAt(10, { timeWindows: [[0, 10]] }), stopAt(20, { timeWindows: [[500, 600]] })]
  expect(plan(lineProblem(stops, [vehicle('van', { costs })])).cost).toBe(5 + 2 * 40)
})

test('hubs and fleets mix: each stop goes to the vehicle for which it is cheapest', () => {
  const hub = (id: string, location: number, perMeter: number) =>
    vehicle(id, {
      startLocation: location,
      endLocation: location,
      costs: { fixed: 0, perMeter, perSecond: 0 },
    })
  const stops = [stopAt(10), stopAt(90)]
  const { routes } = plan(lineProblem(stops, [hub('west', 0, 1), hub('east', 100, 1), hub('dear', 50, 3)]))
  expect(routes.map(({ vehicleId, stops: visits }) => [vehicleId, visits.map(({ id }) => id)])).toEqual([
    ['west', ['s10']],
    ['east', ['s90']],
  ])
})

const announcedTo = (prices: Partial<ChangePrices>): Problem => {
  const near = vehicle('near', { startLocation: 50, endLocation: 50 })
  const stop = stopAt(50, { announced: { vehicleId: 'far', position: 0 } })
  const changePrices = { otherVehicle: 0, otherPosition: 0, tolerance: 0, ...prices }
  return { ...lineProblem([stop], [near, vehicle('far')]), changePrices }
}

test('a stop stays with the vehicle that was announced while that is cheaper than the change', () => {
  const stays = plan(announcedTo({ otherVehicle: 1_001 }))
  expect(stays).toMatchObject({ cost: 1_000, changeCost: 0, routes: [{ vehicleId: 'far' }] })
  const moves = plan(announcedTo({ otherVehicle: 999 }))
  expect(moves).toMatchObject({ cost: 0, changeCost: 999, routes: [{ vehicleId: 'near', changeCost: 999 }] })
  expect(plan(announcedTo({ otherPosition: 5_000 })).changeCost).toBe(0)
})

test('stops keep their announced places within the tolerance while that is cheaper', () => {
  const at = (location: number, position: number) =>
    stopAt(location, { announced: { vehicleId: 'van', position } })
  const stops = [at(30, 0), at(10, 1), at(20, 2)]
  const orderAt = (otherPosition: number, tolerance: number) => {
    const open = lineProblem(stops, [vehicle('van', { endLocation: null })])
    return plan({ ...open, changePrices: { otherVehicle: 0, otherPosition, tolerance } })
  }
  expect(orderAt(1_000, 0).routes[0]?.stops.map(({ id }) => id)).toEqual(['s30', 's10', 's20'])
  expect(orderAt(1_000, 0)).toMatchObject({ cost: 600, changeCost: 0 })
  expect(orderAt(50, 0)).toMatchObject({ cost: 300, changeCost: 150 })
  expect(orderAt(50, 1)).toMatchObject({ cost: 300, changeCost: 50 })
})
