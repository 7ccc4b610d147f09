import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canTake, createInsertionCache, findInsertion, NOWHERE, scanRoute } from '../src/insertion.ts'
import { compileModel, type Model, startNode } from '../src/model.ts'
import { createPlan, linkStop, type Plan } from '../src/plan.ts'
import type { Problem } from '../src/problem.ts'
import { refreshRoute } from '../src/route-evaluation.ts'
import { richProblem } from './problems.ts'

const NOWHERE_FOUND = { after: NOWHERE, cost: Number.POSITIVE_INFINITY }

test('an insertion costs what was promised, with one window for each stop', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (drawn) => {
      const stops = drawn.stops.map((stop) => ({ ...stop, timeWindows: stop.timeWindows.slice(0, 1) }))
      insertAll({ ...drawn, stops }, (promised, actual) => expect(actual).toBeCloseTo(promised, 6))
    }),
    { numRuns: 300 },
  )
})

test('with several windows an insertion is feasible, though its cost may be an estimate', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (problem) => {
      insertAll(problem, (_, actual) => expect(Number.isFinite(actual)).toBe(true))
    }),
    { numRuns: 300 },
  )
})

/** Puts each stop where it is cheapest, checks the times, and reports the promised and the actual cost. */
function insertAll(problem: Problem, report: (promised: number, actual: number) => void): void {
  const model = compileModel({
    ...problem,
    vehicles: problem.vehicles.map((entry) => ({ ...entry, lockedStops: [] })),
  })
  const plan = createPlan(model)
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(model, plan, vehicle)
  const cache = createInsertionCache(model)
  for (let stop = 0; stop < model.stopCount; stop++) {
    for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
      const found = { ...NOWHERE_FOUND }
      if (!canTake(model, plan, stop, vehicle)) continue
      scanRoute(model, plan, stop, vehicle, NOWHERE, found)
      expectSameFromCache(model, plan, stop, vehicle, found, cache)
      if (found.after === NOWHERE) continue
      const before = plan.cost[vehicle]!
      linkStop(plan, stop, found.after, vehicle)
      refreshRoute(model, plan, vehicle)
      expectFeasible(model, plan, vehicle)
      report(found.cost, plan.cost[vehicle]! - before)
      break
    }
  }
}

function expectSameFromCache(
  model: Model,
  plan: Plan,
  stop: number,
  vehicle: number,
  found: { after: number; cost: number },
  cache: ReturnType<typeof createInsertionCache>,
): void {
  const remembered = { ...NOWHERE_FOUND }
  plan.isTouched.fill(0)
  findInsertion(model, plan, cache, stop, vehicle, Number.POSITIVE_INFINITY, remembered)
  expect(remembered).toEqual(found)
  findInsertion(model, plan, cache, stop, vehicle, Number.POSITIVE_INFINITY, remembered)
  expect(remembered).toEqual(found)
}

function expectFeasible(model: Model, plan: Plan, vehicle: number): void {
  let node = plan.next[startNode(model, vehicle)]!
  for (; node < model.stopCount; node = plan.next[node]!) {
    expect(plan.departure[node]! - model.serviceSeconds[node]!).toBeLessThanOrEqual(plan.latestReady[node]!)
  }
  expect(plan.departure[node]).toBeLessThanOrEqual(plan.latestReady[node]!)
}
