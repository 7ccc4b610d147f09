import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import { compileModel } from '../src/compile-model.ts'
import { canTake, createInsertionScratch, type Insertion, NOWHERE, scanRoute } from '../src/insertion.ts'
import { Neighbours, proximity } from '../src/neighbours.ts'
import { createPlan, linkStop } from '../src/plan.ts'
import type { Problem } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { refreshAfterInsertion, refreshRoute } from '../src/route-evaluation.ts'
import { solve } from '../src/solve.ts'
import { scanNeighboursUniform } from '../src/uniform-insertion.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

const paidByDistance = { fixed: 100, perMeter: 2, perSecond: 0 }

/** A random problem without anything that keeps a fleet from being uniform. */
const uniformProblem = richProblem({ stops: 12, vehicles: 3 }).map((drawn): Problem => {
  return {
    ...drawn,
    changePrices: undefined,
    shipments: [],
    stops: drawn.stops.map((stop) => ({ ...stop, announced: undefined, pickup: undefined })),
    vehicles: drawn.vehicles.map((entry) => ({
      ...entry,
      breaks: [],
      maxTravelSeconds: undefined,
      speedFactor: 1,
      lockedStops: [],
      costs: paidByDistance,
    })),
  }
})

test('in a uniform fleet a stop is put where it fits, at the promised cost, and nearly always where it is cheapest', () => {
  let insertions = 0
  let cheapest = 0
  fc.assert(
    fc.property(uniformProblem, (problem) => {
      const model = compileModel(problem)
      expect(model.shortcuts.isUniformFleet).toBe(model.vehicleCount > 0)
      const plan = createPlan(model)
      const neighbours = new Neighbours(model, model.stopCount, proximity)
      const scratch = createInsertionScratch(model)
      for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, plan, each)
      for (let stop = 0; stop < model.stopCount; stop++) {
        const everywhere = nothingFound()
        for (let each = 0; each < model.vehicleCount; each++) {
          if (canTake(model, plan, stop, each)) scanRoute(model, plan, stop, each, everywhere)
        }
        const near = nothingFound()
        scanNeighboursUniform(model, plan, scratch, stop, neighbours, 0, new Random(1), near)
        const found = near.after === NOWHERE ? everywhere : near
        if (found.after === NOWHERE) continue
        if (plan.stopCount[everywhere.vehicle]! > 0) {
          expect(near.cost).toBeGreaterThanOrEqual(everywhere.cost)
          insertions++
          if (near.cost === everywhere.cost) cheapest++
        }
        const before = plan.cost[found.vehicle]!
        linkStop(plan, stop, found.after, found.vehicle)
        refreshAfterInsertion(model, plan, stop, found.vehicle)
        expect(plan.cost[found.vehicle]! - before).toBe(found.cost)
      }
    }),
    { numRuns: 200, seed: 1 },
  )
  expect(cheapest / insertions).toBeGreaterThan(0.9)
})

test('a uniform fleet gets plans that the checker accepts', () => {
  fc.assert(
    fc.property(uniformProblem, (problem) => {
      expect(checkSolution(problem, solve(problem, { maxIterations: 30 }))).toEqual([])
    }),
    { numRuns: 100 },
  )
})

test('not keeping times changes nothing about a plan that cannot be late', () => {
  const untimed = problemUntil(1_000_000)
  const timed = problemUntil(1_500)
  expect(compileModel(untimed).shortcuts).toMatchObject({ isUniformFleet: true, isUntimed: true })
  expect(compileModel(timed).shortcuts).toMatchObject({ isUniformFleet: true, isUntimed: false })
  const plan = solve(untimed, { maxIterations: 200, now: () => 0 })
  expect(checkSolution(untimed, plan)).toEqual([])
  expect(plan).toEqual(solve(timed, { maxIterations: 200, now: () => 0 }))
})

test('times are kept as soon as one thing can bind', () => {
  const isUntimed = (problem: Problem) => compileModel(problem).shortcuts.isUntimed
  const problem = problemUntil(1_000_000)
  const [first, ...others] = problem.stops
  expect(isUntimed({ ...problem, stops: [{ ...first!, timeWindows: [[0, 50]] }, ...others] })).toBe(false)
  expect(isUntimed({ ...problem, stops: [{ ...first!, timeWindows: [[5, 1_000_000]] }, ...others] })).toBe(
    false,
  )
  expect(isUntimed({ ...problem, stops: [{ ...first!, serviceSeconds: 999_999 }, ...others] })).toBe(false)
  const [van, ...vans] = problem.vehicles
  expect(isUntimed({ ...problem, vehicles: [{ ...van!, shift: [0, 100] }, ...vans] })).toBe(false)
})

/** Twenty stops and three vans that may be under way until then; a route by the longest legs takes 2,200 s. */
function problemUntil(endSeconds: number): Problem {
  const stops = Array.from({ length: 20 }, (_, index) => {
    return stopAt((index * 37) % 100, { timeWindows: [[0, endSeconds]], serviceSeconds: 1 })
  })
  const vans = ['a', 'b', 'c'].map((id) => {
    return vehicle(id, { shift: [0, endSeconds], capacity: [8], costs: paidByDistance })
  })
  const problem = lineProblem(stops, vans)
  // One way is longer than the way back, so that no route is turned round, whether there are times or not.
  problem.distancesMeters[37]! += 1
  return problem
}

function nothingFound(): Insertion {
  return { after: NOWHERE, deliveryAfter: NOWHERE, vehicle: NOWHERE, cost: Number.POSITIVE_INFINITY }
}
