import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { type Model, startNode } from '../src/model.ts'
import { Neighbours, roundTrip } from '../src/neighbours.ts'
import { ABSENT, createPlan, linkStop, type Plan } from '../src/plan.ts'
import type { Problem } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { isRouteFeasible, refreshRoute } from '../src/route-evaluation.ts'
import { ruin } from '../src/ruin.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

/** All stops on the first vehicle, in the order of the problem. */
function planOf(problem: Problem): { model: Model; plan: Plan } {
  const model = compileModel(problem)
  const plan = createPlan(model)
  let node = startNode(model, 0)
  for (let stop = 0; stop < model.stopCount; stop++) {
    linkStop(plan, stop, node, 0)
    node = stop
  }
  for (let index = 0; index < model.vehicleCount; index++) refreshRoute(model, plan, index)
  plan.isTouched.fill(0)
  plan.count.touched = 0
  return { model, plan }
}

const ruinWith = (problem: Problem, seed: number) => {
  const { model, plan } = planOf(problem)
  const removed = ruin(model, plan, new Neighbours(model, 10, roundTrip), new Random(seed))
  return { model, plan, removed }
}

test('a route that taking stops out makes infeasible is emptied', () => {
  const stops = [stopAt(10), stopAt(20), stopAt(30, { timeWindows: [[0, 40]] })]
  const problem = lineProblem(stops, [vehicle('van')])
  // The direct way from place 10 to place 30 is blocked.
  problem.durationsSeconds[10 * problem.locationCount + 30] = 500
  let emptied = 0
  for (let seed = 1; seed <= 50; seed++) {
    const { model, plan } = ruinWith(problem, seed)
    expect(isRouteFeasible(model, plan, 0)).toBe(true)
    if (plan.stopCount[0] === 0) emptied++
  }
  expect(emptied).toBeGreaterThan(0)
})

test('a shipment goes as a whole and is listed once, by its pickup', () => {
  const stops = [10, 20, 30, 40].map((place) => stopAt(place, { demand: [0] }))
  const shipments = [{ pickupStop: 's10', deliveryStop: 's40', amount: [1] }]
  const problem = { ...lineProblem(stops, [vehicle('van')]), shipments }
  for (let seed = 1; seed <= 50; seed++) {
    const { plan, removed } = ruinWith(problem, seed)
    expect(plan.vehicle[0] === ABSENT).toBe(plan.vehicle[3] === ABSENT)
    const absent = [...plan.absent.subarray(0, plan.count.absent)]
    expect(removed).toBe(absent.length)
    expect(absent).not.toContain(3)
    expect(new Set(absent).size).toBe(absent.length)
  }
})

test('locked stops stay', () => {
  const stops = [10, 20, 30].map((place) => stopAt(place))
  const problem = lineProblem(stops, [vehicle('van', { lockedStops: ['s10', 's20'] })])
  for (let seed = 1; seed <= 50; seed++) {
    const { plan } = ruinWith(problem, seed)
    expect([plan.vehicle[0], plan.vehicle[1]]).toEqual([0, 0])
  }
})
