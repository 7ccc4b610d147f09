import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import {
  canTake,
  createInsertionScratch,
  type Insertion,
  NOWHERE,
  scanNeighbours,
  scanRoute,
} from '../src/insertion.ts'
import { type Model, startNode } from '../src/model.ts'
import { copyPlan, createPlan, linkStop, type Plan } from '../src/plan.ts'
import type { Problem } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { refreshAfterInsertion, refreshPositions, refreshRoute } from '../src/route-evaluation.ts'
import { richProblem } from './problems.ts'

const NOWHERE_FOUND: Insertion = {
  after: NOWHERE,
  deliveryAfter: NOWHERE,
  vehicle: NOWHERE,
  cost: Number.POSITIVE_INFINITY,
}

test('an insertion costs what was promised, with one window for each stop', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (drawn) => {
      const stops = drawn.stops.map((stop) => ({
        ...stop,
        announced: undefined,
        timeWindows: stop.timeWindows.slice(0, 1),
      }))
      const vehicles = drawn.vehicles.map((entry) => ({ ...entry, breaks: [] }))
      insertAll({ ...drawn, stops, vehicles }, (promised, actual) => expect(actual).toBeCloseTo(promised, 6))
    }),
    { numRuns: 300 },
  )
})

test('with breaks an insertion mostly costs what was promised, and waiting that it uses is not paid twice', () => {
  const count = { exact: 0, all: 0 }
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (drawn) => {
      const stops = drawn.stops.map((stop) => ({
        ...stop,
        announced: undefined,
        timeWindows: stop.timeWindows.slice(0, 1),
      }))
      const costs = { fixed: 0, perMeter: 1, perSecond: 100 }
      const vehicles = drawn.vehicles
        .filter(({ breaks }) => breaks?.length)
        .map((each) => ({ ...each, costs }))
      insertAll({ ...drawn, stops, vehicles }, (promised, actual) => {
        count.all++
        if (Math.abs(promised - actual) < 1e-6) count.exact++
      })
    }),
    { numRuns: 300, seed: 1 },
  )
  expect(count.all).toBeGreaterThan(200)
  expect(count.exact / count.all).toBeGreaterThan(0.9)
})

test('with several windows or breaks an insertion is feasible, though its cost may be an estimate', () => {
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
    shipments: [],
    vehicles: problem.vehicles.map((entry) => ({ ...entry, lockedStops: [] })),
  })
  const plan = createPlan(model)
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(model, plan, vehicle)
  for (let stop = 0; stop < model.stopCount; stop++) {
    const found = { ...NOWHERE_FOUND }
    for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
      if (canTake(model, plan, stop, vehicle)) scanRoute(model, plan, stop, vehicle, found)
    }
    expectSameFromNeighbours(model, plan, stop, found)
    if (found.after === NOWHERE) continue
    const before = plan.cost[found.vehicle]!
    linkStop(plan, stop, found.after, found.vehicle)
    refreshAfterInsertion(model, plan, stop, found.vehicle)
    expectSameAsFromScratch(model, plan, found.vehicle)
    expectFeasible(model, plan, found.vehicle)
    report(found.cost, plan.cost[found.vehicle]! - before)
  }
}

/** With every stop a neighbour, looking near finds what looking everywhere finds in the vehicles in use. */
function expectSameFromNeighbours(model: Model, plan: Plan, stop: number, found: Insertion): void {
  if (found.after !== NOWHERE && plan.stopCount[found.vehicle] === 0) return
  const nearby = { ...NOWHERE_FOUND }
  const all = Int32Array.from({ length: model.stopCount }, (_, index) => index)
  scanNeighbours(model, plan, createInsertionScratch(model), stop, all, 0, new Random(1), nearby)
  if (found.after !== NOWHERE) expect(nearby.cost).toBe(found.cost)
  else expect(nearby.after).toBe(NOWHERE)
}

function expectSameAsFromScratch(model: Model, plan: Plan, vehicle: number): void {
  refreshPositions(model, plan, vehicle)
  const fresh = createPlan(model)
  copyPlan(plan, fresh)
  refreshRoute(model, fresh, vehicle)
  expect({ ...plan, layerScratch: null }).toEqual({ ...fresh, layerScratch: null })
}

function expectFeasible(model: Model, plan: Plan, vehicle: number): void {
  let node = plan.next[startNode(model, vehicle)]!
  for (; node < model.stopCount; node = plan.next[node]!) {
    expect(plan.departure[node]! - model.serviceSeconds[node]!).toBeLessThanOrEqual(plan.latestReady[node]!)
  }
  expect(plan.departure[node]).toBeLessThanOrEqual(plan.latestReady[node]!)
}
