import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { Problem } from '../src/problem.ts'
import type { Solution } from '../src/solution.ts'
import { solve } from '../src/solve.ts'
import { bestPlan, tryRoute } from './oracle.ts'
import { richProblem } from './problems.ts'

test('every plan passes the independent check, whatever the problem', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 4 }), fc.nat(60), (problem, maxIterations) => {
      expect(checkSolution(problem, solve(problem, { maxIterations }))).toEqual([])
    }),
    { numRuns: 400 },
  )
})

test('every plan passes the check where detours are faster than direct ways', () => {
  const withAnyLegs = richProblem({ stops: 12, vehicles: 4 }).chain((problem) =>
    fc
      .array(fc.nat(40), { minLength: problem.locationCount ** 2, maxLength: problem.locationCount ** 2 })
      .map((legs) => ({
        ...problem,
        durationsSeconds: Int32Array.from(legs),
        distancesMeters: Int32Array.from(legs, (leg) => (leg * 7) % 400),
      })),
  )
  fc.assert(
    fc.property(withAnyLegs, fc.nat(60), (problem, maxIterations) => {
      expect(checkSolution(problem, solve(problem, { maxIterations }))).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('every route costs what trying it out second by second costs', () => {
  fc.assert(
    fc.property(richProblem({ stops: 10, vehicles: 3 }), (problem) => {
      for (const route of solve(problem, { maxIterations: 20 }).routes) {
        const sequence = route.stops.map(({ id }) => problem.stops.find((stop) => stop.id === id)!)
        const trial = tryRoute(problem, problem.vehicles.find(({ id }) => id === route.vehicleId)!, sequence)
        expect(trial?.endSeconds).toBe(route.endSeconds)
        expect(trial?.cost).toBeCloseTo(route.cost + route.changeCost, 6)
      }
    }),
    { numRuns: 200 },
  )
})

test('a stop left out because the fleet is full fits nowhere in the plan', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 2 }), (problem) => {
      const solution = solve(problem, { maxIterations: 30 })
      const full = solution.unassigned.filter((stop) => stop.reason === 'fleet_full')
      const shipped = new Set(problem.shipments?.flatMap((each) => [each.pickupStop, each.deliveryStop]))
      for (const { id } of full) if (!shipped.has(id)) expect(placesFor(problem, solution, id)).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('tiny problems are solved to optimality', () => {
  fc.assert(
    fc.property(richProblem({ stops: 4, vehicles: 2 }), (problem) => {
      fc.pre(problem.vehicles.every((vehicle) => vehicle.lockedStops === undefined))
      const solution = solve(problem, { maxIterations: 300 })
      const best = bestPlan(problem)
      expect(absentWeight(problem, solution)).toBe(best.absentWeight)
      expect(solution.cost + solution.changeCost).toBeCloseTo(best.cost, 6)
    }),
    { numRuns: 150, seed: 7 },
  )
})

test('the same seed and number of iterations give the same plan', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), fc.integer(), (problem, seed) => {
      const run = () => solve(problem, { maxIterations: 50, seed, now: () => 0 })
      expect(run()).toEqual(run())
    }),
    { numRuns: 50 },
  )
})

function placesFor(problem: Problem, solution: Solution, id: string): string[] {
  const stop = problem.stops.find((candidate) => candidate.id === id)!
  return problem.vehicles.flatMap((vehicle) => {
    const route = solution.routes.find(({ vehicleId }) => vehicleId === vehicle.id)?.stops ?? []
    const sequence = route.map((entry) => problem.stops.find((candidate) => candidate.id === entry.id)!)
    const first = (vehicle.lockedStops ?? []).length
    return Array.from({ length: sequence.length - first + 1 }, (_, index) => first + index)
      .filter((position) => tryRoute(problem, vehicle, sequence.toSpliced(position, 0, stop)) !== null)
      .map((position) => `${vehicle.id} at ${position}`)
  })
}

function absentWeight(problem: Problem, solution: Solution): number {
  return solution.unassigned.reduce((total, { id }) => {
    return total + 1 + (problem.stops.find((stop) => stop.id === id)?.priority ?? 0)
  }, 0)
}
