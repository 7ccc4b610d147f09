import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { Problem } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

const plan = (problem: Problem) => {
  const solution = solve(problem, { maxIterations: 200 })
  expect(checkSolution(problem, solution)).toEqual([])
  return {
    solution,
    sequences: Object.fromEntries(
      solution.routes.map((route) => [route.vehicleId, route.stops.map((stop) => stop.id)]),
    ),
  }
}

test('locked stops stay first in their order, however much shorter another order would be', () => {
  const stops = [stopAt(50), stopAt(10), stopAt(90), stopAt(20)]
  const { sequences } = plan(lineProblem(stops, [vehicle('van', { lockedStops: ['s50', 's10', 's90'] })]))
  expect(sequences).toEqual({ van: ['s50', 's10', 's90', 's20'] })
})

test('locked stops stay on their vehicle although another one is nearer', () => {
  const near = vehicle('near', { startLocation: 50, endLocation: 50 })
  const { sequences } = plan(lineProblem([stopAt(50)], [near, vehicle('far', { lockedStops: ['s50'] })]))
  expect(sequences).toEqual({ far: ['s50'] })
})

test('a locked stop is served even when late, and says when', () => {
  const late = stopAt(50, { timeWindows: [[0, 20]] })
  const { solution } = plan(lineProblem([late, stopAt(60)], [vehicle('van', { lockedStops: ['s50'] })]))
  expect(solution.routes[0]?.stops).toMatchObject([
    { id: 's50', startServiceSeconds: 50 },
    { id: 's60', startServiceSeconds: 60 },
  ])
})

test('a locked stop still waits for its window to open', () => {
  const early = stopAt(50, { timeWindows: [[300, 400]] })
  const { solution } = plan(lineProblem([early], [vehicle('van', { lockedStops: ['s50'] })]))
  expect(solution.routes[0]?.stops[0]?.startServiceSeconds).toBe(300)
})

test('a vehicle that its locked stops overload, or keep past its shift, takes nothing more', () => {
  const stops = [stopAt(50, { demand: [30] }), stopAt(51)]
  const overloaded = vehicle('van', { lockedStops: ['s50'] })
  expect(plan(lineProblem(stops, [overloaded])).sequences).toEqual({ van: ['s50'] })
  const overtime = vehicle('van', { lockedStops: ['s50'], capacity: [99], shift: [0, 60] })
  const { solution, sequences } = plan(lineProblem([...stops, stopAt(20, { serviceSeconds: 1 })], [overtime]))
  expect(sequences).toEqual({ van: ['s50'] })
  expect(solution.routes[0]?.endSeconds).toBe(100)
})

test('a pinned stop goes to its vehicle although another one is nearer', () => {
  const fleet = [vehicle('near', { startLocation: 50, endLocation: 50 }), vehicle('far')]
  const { sequences } = plan(lineProblem([stopAt(50, { vehicleIds: ['far'] })], fleet))
  expect(sequences).toEqual({ far: ['s50'] })
})

test('a pinned stop goes to its vehicle although that vehicle has an idle twin', () => {
  const fleet = [vehicle('first'), vehicle('second')]
  expect(plan(lineProblem([stopAt(50, { vehicleIds: ['second'] })], fleet)).sequences).toEqual({
    second: ['s50'],
  })
})

test('planning again with the plan so far locked keeps all of it', () => {
  fc.assert(
    fc.property(richProblem({ stops: 10, vehicles: 3 }), fc.nat(3), (problem, done) => {
      const before = solve(problem, { maxIterations: 20 })
      const vehicles = problem.vehicles.map((entry) => {
        const stops = before.routes.find((route) => route.vehicleId === entry.id)?.stops ?? []
        const kept = Math.max(done, (entry.lockedStops ?? []).length)
        const ids = stops.map((stop) => stop.id)
        return { ...entry, lockedStops: ids.slice(0, wholeShipments(problem, ids, kept)) }
      })
      const { sequences } = plan({ ...problem, vehicles })
      for (const { id, lockedStops } of vehicles) {
        expect((sequences[id] ?? []).slice(0, lockedStops.length)).toEqual(lockedStops)
      }
    }),
    { numRuns: 100 },
  )
})

/** The most stops, up to `kept`, after which no shipment is on board. */
function wholeShipments({ shipments = [] }: Problem, ids: readonly string[], kept: number): number {
  const isDone = (length: number) => {
    const past = ids.slice(0, length)
    return shipments.every((each) => past.includes(each.pickupStop) === past.includes(each.deliveryStop))
  }
  let length = Math.min(kept, ids.length)
  while (!isDone(length)) length--
  return length
}
