import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { InvalidProblemError, Problem } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { bestPlan, tryRoute } from './oracle.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

/** Rich problems in which vehicles have types that serve at their own pace, and some their own travel times. */
function typedProblem(limits: { stops: number; vehicles: number }): fc.Arbitrary<Problem> {
  const types = fc.constantFrom('slow', 'fast', undefined)
  return richProblem(limits).chain((problem) =>
    fc
      .record({
        types: fc.array(types, { minLength: 4, maxLength: 4 }),
        own: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        seconds: fc.array(fc.record({ slow: fc.nat(30), fast: fc.nat(10) }, { requiredKeys: [] }), {
          minLength: 12,
          maxLength: 12,
        }),
        stretch: fc.constantFrom(0.5, 2),
      })
      .map(({ types: typeOf, own, seconds, stretch }): Problem => {
        const durationsSeconds = problem.durationsSeconds.map((leg) => Math.round(leg * stretch))
        return {
          ...problem,
          stops: problem.stops.map((stop, index) => ({
            ...stop,
            serviceSecondsByType: seconds[index % 12]!,
          })),
          vehicles: problem.vehicles.map((each, index) => ({
            ...each,
            ...(typeOf[index % 4] !== undefined && { type: typeOf[index % 4]! }),
            ...(own[index % 4] && { durationsSeconds }),
          })),
        }
      }),
  )
}

describe('vehicles with their own service times and travel times', () => {
  test('every plan passes the independent check', () => {
    fc.assert(
      fc.property(typedProblem({ stops: 12, vehicles: 4 }), fc.nat(60), (problem, maxIterations) => {
        expect(checkSolution(problem, solve(problem, { maxIterations }))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('every route costs what trying it out second by second costs', () => {
    fc.assert(
      fc.property(typedProblem({ stops: 10, vehicles: 3 }), (problem) => {
        for (const route of solve(problem, { maxIterations: 20 }).routes) {
          const sequence = route.stops.map(({ id }) => problem.stops.find((stop) => stop.id === id)!)
          const driver = problem.vehicles.find(({ id }) => id === route.vehicleId)!
          const trial = tryRoute(problem, driver, sequence)
          expect(trial?.endSeconds).toBe(route.endSeconds)
          expect(trial?.cost).toBeCloseTo(route.cost + route.changeCost, 6)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('tiny problems are solved to optimality', () => {
    fc.assert(
      fc.property(typedProblem({ stops: 4, vehicles: 2 }), (problem) => {
        fc.pre(problem.vehicles.every(({ lockedStops }) => lockedStops === undefined))
        const solution = solve(problem, { maxIterations: 300 })
        const best = bestPlan(problem)
        const absent = solution.unassigned.reduce((total, { id }) => {
          return total + 1 + (problem.stops.find((stop) => stop.id === id)?.priority ?? 0)
        }, 0)
        expect(absent).toBe(best.absentWeight)
        expect(solution.cost + solution.changeCost).toBeCloseTo(best.cost, 6)
      }),
      { numRuns: 100, seed: 11 },
    )
  })

  test('the vehicle that serves faster or drives faster gets the stop', () => {
    const stops = [
      stopAt(10, { serviceSeconds: 50, serviceSecondsByType: { fast: 5 }, timeWindows: [[10, 10]] }),
    ]
    const both = [vehicle('a', { shift: [0, 60] }), vehicle('b', { shift: [0, 60], type: 'fast' })]
    expect(solve(lineProblem(stops, both), { maxIterations: 10 }).routes[0]).toMatchObject({
      vehicleId: 'b',
      endSeconds: 25,
      stops: [{ departureSeconds: 15 }],
    })
    const problem = lineProblem(
      [stopAt(50, { timeWindows: [[0, 30]] })],
      [vehicle('walks'), vehicle('drives')],
    )
    const durationsSeconds = problem.durationsSeconds.map((leg) => Math.ceil(leg / 2))
    const vehicles = problem.vehicles.map((each) =>
      each.id === 'drives' ? { ...each, durationsSeconds } : each,
    )
    const { routes } = solve({ ...problem, vehicles }, { maxIterations: 10 })
    expect(routes).toMatchObject([{ vehicleId: 'drives', travelSeconds: 50 }])
  })

  test('faults are named', () => {
    const problem = lineProblem(
      [stopAt(1, { serviceSecondsByType: { fast: -1 } })],
      [vehicle('a', { durationsSeconds: new Int32Array(3) })],
    )
    const faultsOf = () => {
      try {
        solve(problem)
      } catch (error) {
        return (error as InvalidProblemError).faults.map(({ path }) => path)
      }
      return []
    }
    expect(faultsOf()).toEqual(['vehicles[0].durationsSeconds', 'stops[0].serviceSecondsByType.fast'])
  })
})
