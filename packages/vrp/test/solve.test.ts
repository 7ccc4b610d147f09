import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readSolomon } from '../bench/solomon.ts'
import { checkSolution } from '../src/check.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const fixture = (name: string, customers?: number) =>
  readSolomon(readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url), 'utf8'), { customers }).problem

test('plans a line of stops with times that can be checked by hand', () => {
  const stops = [
    stopAt(10, { serviceSeconds: 5, timeWindows: [[100, 200]], demand: [2] }),
    stopAt(30, { serviceSeconds: 5, setupSeconds: 3, demand: [3] }),
  ]
  const solution = solve(
    lineProblem(stops, [vehicle('van', { costs: { fixed: 50, perMeter: 2, perSecond: 1 } })]),
    {
      maxIterations: 50,
      now: () => 0,
    },
  )
  // Out to place 30 (its window is open) and back by place 10 in its window is as long as the other way round,
  // and waits as little: either way the van drives 60 s, sets up 3 s and serves 10 s.
  expect(solution.cost).toBe(50 + 2 * 600 + 73)
  expect(solution.unassigned).toEqual([])
  expect(solution.routes[0]).toMatchObject({
    vehicleId: 'van',
    distanceMeters: 600,
    durationSeconds: 73,
    load: [5],
  })
})

test('leaves as late as possible, so that the vehicle does not wait for its first stop', () => {
  const stops = [stopAt(10, { serviceSeconds: 5, timeWindows: [[500, 600]] })]
  const solution = solve(lineProblem(stops, [vehicle('van')]), { maxIterations: 0, now: () => 0 })
  expect(solution).toEqual({
    routes: [
      {
        vehicleId: 'van',
        stops: [
          {
            id: 's10',
            arrivalSeconds: 500,
            startServiceSeconds: 500,
            departureSeconds: 505,
            waitingSeconds: 0,
          },
        ],
        breaks: [],
        distanceMeters: 200,
        travelSeconds: 20,
        durationSeconds: 25,
        startSeconds: 490,
        endSeconds: 515,
        cost: 200,
        changeCost: 0,
        load: [1],
      },
    ],
    unassigned: [],
    cost: 200,
    changeCost: 0,
    iterations: 0,
    elapsedMs: 0,
  })
})

test('waits between stops where the windows ask for it', () => {
  const stops = [
    stopAt(10, { timeWindows: [[0, 20]] }),
    stopAt(20, {
      timeWindows: [
        [0, 5],
        [100, 200],
      ],
    }),
  ]
  const { routes } = solve(lineProblem(stops, [vehicle('van')]), { maxIterations: 0 })
  expect(routes[0]?.stops).toMatchObject([
    { id: 's10', arrivalSeconds: 20, waitingSeconds: 0 },
    { id: 's20', arrivalSeconds: 30, startServiceSeconds: 100, waitingSeconds: 70 },
  ])
})

test('sets up once for two stops at the same location', () => {
  const stops = [
    stopAt(10, { id: 'a', setupSeconds: 60, serviceSeconds: 5 }),
    stopAt(10, { id: 'b', setupSeconds: 60, serviceSeconds: 5 }),
  ]
  const { routes } = solve(lineProblem(stops, [vehicle('van')]), { maxIterations: 0 })
  expect(routes[0]?.durationSeconds).toBe(10 + 60 + 5 + 5 + 10)
})

test('a slower vehicle takes longer, and an open route ends at its last stop', () => {
  const slow = vehicle('bike', { speedFactor: 0.5, endLocation: null })
  const { routes } = solve(lineProblem([stopAt(10)], [slow]), { maxIterations: 0 })
  expect(routes[0]).toMatchObject({ durationSeconds: 20, distanceMeters: 100 })
})

test('leaves out the stops that weigh least when not all fit', () => {
  const stops = [
    stopAt(1, { priority: 0 }),
    stopAt(2, { priority: 80 }),
    stopAt(3),
    stopAt(90, { priority: 50 }),
  ]
  const solution = solve(lineProblem(stops, [vehicle('van', { maxStops: 2 })]), { maxIterations: 100 })
  expect(solution.unassigned.map((stop) => stop.id).toSorted()).toEqual(['s1', 's3'])
})

test('uses a second vehicle only when that is worth its fixed cost', () => {
  const stops = [stopAt(10), stopAt(20)]
  const fleet = (fixed: number) =>
    [0, 20].map((location) => {
      const costs = { fixed, perMeter: 1, perSecond: 0 }
      return vehicle(`van-${location}`, { startLocation: location, endLocation: location, costs })
    })
  const routesAt = (fixed: number) =>
    solve(lineProblem(stops, fleet(fixed)), { maxIterations: 100 }).routes.length
  expect(routesAt(500)).toBe(1)
  expect(solve(lineProblem([stopAt(1), stopAt(19)], fleet(0)), { maxIterations: 100 }).routes.length).toBe(2)
})

test('stops no later than the time limit by the clock it is given, and counts what it did', () => {
  let nowMs = 1_000
  // A millisecond passes between two looks at the clock: it is looked at in every iteration.
  const now = () => {
    nowMs += 1
    return nowMs
  }
  const solution = solve(fixture('R101-25'), { timeLimitMs: 200, now })
  // Two milliseconds are kept for writing the answer.
  expect(solution.elapsedMs).toBeGreaterThan(196)
  expect(solution.elapsedMs).toBeLessThanOrEqual(200)
  expect(solution.iterations).toBeGreaterThan(130)
  expect(solution.iterations).toBeLessThan(200)
})

test('answers with a complete first plan when there is no time at all', () => {
  const problem = fixture('C101-25')
  const solution = solve(problem, { timeLimitMs: 0 })
  expect(solution.iterations).toBe(0)
  expect(solution.unassigned).toEqual([])
  expect(checkSolution(problem, solution)).toEqual([])
})

test('does not look at the clock between iterations when only iterations are limited', () => {
  let looks = 0
  const now = () => looks++
  solve(fixture('R101-25'), { maxIterations: 100, now })
  expect(looks).toBeLessThan(5)
})

test('finds the proven optima of the 25-customer instances of Solomon', () => {
  expect(solve(fixture('R101-25'), { maxIterations: 3_000 }).cost).toBe(6_171)
  expect(solve(fixture('C101-25'), { maxIterations: 3_000 }).cost).toBe(1_913)
})

test('an empty problem has an empty plan', () => {
  const solution = solve(lineProblem([], []), { maxIterations: 10, now: () => 0 })
  expect(solution).toEqual({
    routes: [],
    unassigned: [],
    cost: 0,
    changeCost: 0,
    iterations: 10,
    elapsedMs: 0,
  })
})
