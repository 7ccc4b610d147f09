import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSolomon } from '../bench/solomon.ts'
import { type Worth, worthOf } from '../src/acceptance.ts'
import { checkSolution } from '../src/check.ts'
import { compileModel } from '../src/compile-model.ts'
import { divideRoutes } from '../src/divide-routes.ts'
import { createPlan } from '../src/plan.ts'
import { InvalidProblemError, type Problem } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext, insertAll } from '../src/recreate.ts'
import { refreshRoute } from '../src/route-evaluation.ts'
import { restorePlan, snapshotLength, takeSnapshot } from '../src/snapshot.ts'
import { solve } from '../src/solve.ts'
import { solveInParallel } from '../src/solve-in-parallel.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'
import { scatteredStops } from './scattered-stops.ts'

const fixture = (name: string) =>
  readSolomon(readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url), 'utf8')).problem

test('several threads give the same plan again, whichever is faster, and the checker accepts it', async () => {
  const problem = fixture('R101-25')
  const plan = async (seed: number) => {
    const { elapsedMs: _, ...rest } = await solveInParallel(problem, { threads: 2, maxIterations: 500, seed })
    return rest
  }
  const first = await plan(1)
  expect(await plan(1)).toEqual(first)
  expect(checkSolution(problem, { ...first, elapsedMs: 0 })).toEqual([])
  expect(first.unassigned).toEqual([])
})

test('two threads plan hundreds of stops better than one with as many iterations each', async () => {
  const problem = scatteredStops(500)
  const alone = [1, 2, 3].map((seed) => solve(problem, { maxIterations: 4_000, seed }).cost)
  const costs: number[] = []
  for (const seed of [1, 2, 3])
    costs.push((await solveInParallel(problem, { threads: 2, maxIterations: 4_000, seed })).cost)
  const sum = (each: number[]) => each.reduce((total, cost) => total + cost, 0)
  expect(sum(costs)).toBeLessThan(sum(alone))
})

test('stops that fit nowhere are left out once, with a reason', async () => {
  const stops = Array.from({ length: 30 }, (_, index) => stopAt(3 * index + 1))
  const vans = Array.from({ length: 10 }, (_, index) => vehicle(`van-${index}`, { capacity: [2] }))
  const problem = lineProblem(stops, vans)
  const solution = await solveInParallel(problem, { threads: 2, maxIterations: 300 })
  expect(checkSolution(problem, solution)).toEqual([])
  expect(solution.unassigned).toHaveLength(10)
})

test('a time limit holds for all threads together', async () => {
  const problem = fixture('C101-25')
  const solution = await solveInParallel(problem, { threads: 2, timeLimitMs: 300 })
  expect(checkSolution(problem, solution)).toEqual([])
  expect(solution.unassigned).toEqual([])
})

test('told to stop, all threads end at once with the best plan so far, and better plans were told before', async () => {
  const problem = scatteredStops(400)
  const stop = new SharedArrayBuffer(4)
  const costs: number[] = []
  const onImprovement = ({ cost }: Worth) => {
    costs.push(cost)
    if (costs.length === 2) Atomics.store(new Int32Array(stop), 0, 1)
  }
  const solution = await solveInParallel(problem, { threads: 2, timeLimitMs: 60_000, stop, onImprovement })
  expect(checkSolution(problem, solution)).toEqual([])
  expect(costs[1]).toBeLessThan(costs[0]!)
  expect(solution.cost).toBeLessThanOrEqual(costs[1]!)
})

test('a problem that cannot be understood is refused before any thread starts', async () => {
  const problem = { ...lineProblem([stopAt(1)], [vehicle('van')]), locationCount: 7 }
  await expect(solveInParallel(problem, { threads: 2 })).rejects.toThrow(InvalidProblemError)
})

test('a plan survives the way from one thread to another', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 4 }), (problem) => {
      const { model, plan } = firstPlan(problem)
      const snapshot = new Int32Array(snapshotLength(model))
      takeSnapshot(model, plan, snapshot)
      const copy = createPlan(model)
      restorePlan(model, [snapshot], () => 0, copy)
      expect(worthOf(model, copy)).toEqual(worthOf(model, plan))
      expect([...copy.vehicle]).toEqual([...plan.vehicle])
    }),
    { numRuns: 100 },
  )
})

test('routes are dealt out by neighbourhood, and each thread gets its share of stops and of unused vehicles', () => {
  const { model, plan } = firstPlan(scatteredStops(200))
  const owner = divideRoutes(model, plan, 2, 4, new Random(1))!
  const stopsOf = (thread: number) => {
    return owner.reduce(
      (sum, each, van) => sum + (each === thread ? Math.max(0, plan.stopCount[van]!) : 0),
      0,
    )
  }
  const unusedOf = (thread: number) =>
    owner.filter((each, van) => each === thread && plan.stopCount[van] === 0)
  expect(Math.abs(stopsOf(0) - stopsOf(1))).toBeLessThanOrEqual(20)
  expect(Math.abs(unusedOf(0).length - unusedOf(1).length)).toBeLessThanOrEqual(1)
  expect(divideRoutes(model, plan, 2, 200, new Random(1))).toBeNull()
})

function firstPlan(problem: Problem) {
  const model = compileModel({
    ...problem,
    vehicles: problem.vehicles.map((each) => ({ ...each, lockedStops: [] })),
  })
  const plan = createPlan(model)
  for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, plan, each)
  for (let stop = 0; stop < model.stopCount; stop++) {
    if (model.isDelivery[stop] === 0) plan.absent[plan.count.absent++] = stop
  }
  insertAll(createRecreateContext(model, new Random(1)), plan)
  return { model, plan }
}
