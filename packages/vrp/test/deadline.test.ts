import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeDay } from '../bench/made-day.ts'
import { checkSolution } from '../src/check.ts'
import { compileModel } from '../src/compile-model.ts'
import { completePlan } from '../src/construct.ts'
import { createPlan } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext } from '../src/recreate.ts'
import { refreshRoute } from '../src/route-evaluation.ts'
import { solve } from '../src/solve.ts'
import { StopCriterion } from '../src/stop.ts'
import { richProblem } from './problems.ts'

/** Time passes only while somebody looks: a millisecond each time. Who does not look can be late by no more than that. */
function clockByLooks() {
  let looks = 0
  return () => looks++
}

test('whenever time runs out, the plan passes the check, and nothing is begun afterwards', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 4 }), fc.nat(40), (problem, timeLimitMs) => {
      const solution = solve(problem, { timeLimitMs, now: clockByLooks() })
      expect(checkSolution(problem, solution)).toEqual([])
      expect(solution.elapsedMs).toBeLessThanOrEqual(timeLimitMs + 6)
    }),
    { numRuns: 300 },
  )
})

test.each(['plain', 'breaks', 'shipments'] as const)(
  'the first plan serves nearly everything with no time at all: %s',
  (kind) => {
    const problem = makeDay(300, 1, kind)
    const solution = solve(problem, { timeLimitMs: 0, now: clockByLooks() })
    expect(checkSolution(problem, solution)).toEqual([])
    expect(solution.unassigned.length).toBeLessThanOrEqual(9)
    expect(solution.elapsedMs).toBeLessThanOrEqual(6)
  },
)

test('without time nothing is compared: the first plan costs more than one that had all the time', () => {
  const problem = makeDay(300, 1)
  const withoutTime = solve(problem, { timeLimitMs: 0, now: clockByLooks() })
  const withTime = solve(problem, { maxIterations: 0 })
  expect(withoutTime.cost).toBeGreaterThan(withTime.cost)
})

test('after the search nothing more is put in once the time is up', () => {
  const model = compileModel(makeDay(50, 1))
  const absentAfter = (timeLimitMs: number) => {
    const context = createRecreateContext(model, new Random(1))
    const plan = createPlan(model)
    for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(model, plan, vehicle)
    completePlan(context, plan, new StopCriterion({ timeLimitMs, now: clockByLooks() }))
    return plan.count.absent
  }
  expect(absentAfter(0)).toBe(50)
  expect(absentAfter(20)).toBeGreaterThan(20)
  expect(absentAfter(1_000)).toBeLessThan(10)
})

test('a first plan that time interrupts is finished in the order of weight', () => {
  const { stops, vehicles, ...rest } = makeDay(300, 1)
  const weighted = stops.map((stop, index) => ({ ...stop, priority: index % 3 === 0 ? 50 : 0 }))
  const problem = { ...rest, stops: weighted, vehicles: vehicles.slice(0, 3) }
  for (const timeLimitMs of [0, 100, 200, 400]) {
    const solution = solve(problem, { timeLimitMs, maxIterations: 0, now: clockByLooks() })
    expect(checkSolution(problem, solution)).toEqual([])
    const left = new Set(solution.unassigned.map(({ id }) => id))
    const served = (priority: number) =>
      weighted.filter((stop) => stop.priority === priority && !left.has(stop.id)).length
    expect(left.size).toBeGreaterThan(100)
    expect(served(50)).toBeGreaterThan(85)
  }
})
