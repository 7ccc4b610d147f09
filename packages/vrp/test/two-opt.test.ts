import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { Neighbours, roundTrip } from '../src/neighbours.ts'
import { planCost } from '../src/plan.ts'
import type { Problem, Stop, Vehicle } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { reverseLegs } from '../src/two-opt.ts'
import { chainOf, drawnPlan, expectSound, planOf, servedStops } from './plans.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

/** A random problem in which parts of routes can be turned round. */
const reversibleProblem = richProblem({ stops: 12, vehicles: 3 }).map((drawn): Problem => {
  const places = drawn.locationCount
  const shift = drawn.vehicles[0]?.shift ?? [0, 1_000]
  return {
    ...drawn,
    distancesMeters: drawn.distancesMeters.map((_, cell) => {
      const [from, to] = [Math.floor(cell / places), cell % places]
      return 7 * Math.abs(from - to) + 3 * ((from * to) % 5)
    }),
    durationsSeconds: drawn.durationsSeconds.map(() => 0),
    changePrices: undefined,
    shipments: [],
    stops: drawn.stops.map((stop) => {
      const timeWindows = [[shift[0] - 1, shift[1] + 1_000_000] as const]
      return { ...stop, announced: undefined, pickup: undefined, setupSeconds: 0, timeWindows }
    }),
    vehicles: drawn.vehicles.map((entry, index) => ({
      ...entry,
      breaks: [],
      maxTravelSeconds: undefined,
      speedFactor: 1,
      startLocation: index < 2 ? 0 : entry.startLocation,
      endLocation: 0,
      shift: [shift[0], shift[1] + 1_000_000],
      costs: { fixed: 100, perMeter: 2, perSecond: 0 },
    })),
  }
})

test('a reversal leaves feasible routes, every stop on one, what is locked, and what is known about them true', () => {
  let reversals = 0
  fc.assert(
    fc.property(reversibleProblem, fc.integer(), (drawn, seed) => {
      const model = compileModel(drawn)
      if (model.vehicleCount === 0 || model.stopCount === 0) return
      expect(model.shortcuts.isReversible).toBe(true)
      const plan = drawnPlan(model, seed)
      const served = servedStops(model, plan)
      const neighbours = new Neighbours(model, model.stopCount, roundTrip)
      const random = new Random(seed)
      for (let round = 0; round < 5; round++) {
        if (reverseLegs(model, plan, neighbours, random, 200)) reversals++
        expect(servedStops(model, plan)).toEqual(served)
        expectSound(model, plan)
      }
    }),
    { numRuns: 200, seed: 1 },
  )
  expect(reversals).toBeGreaterThan(50)
})

test('a route that goes to and fro is untangled', () => {
  const { saved } = untangle([40, 10, 20, 30].map(stopAtPlace), [[0, 1, 2, 3]], [vehicle('van')])
  expect(saved).toBe(400)
})

test('the beginnings of two routes become one, and their ends, if both have room', () => {
  const home = { startLocation: 50, endLocation: 50 }
  const vans = [vehicle('a', home), vehicle('b', home)]
  const crossing = (demand: number) => {
    const stops = [40, 60, 41, 61].map((place) => stopAt(place, { demand: [place > 50 ? demand : 1] }))
    return untangle(
      stops,
      [
        [0, 1],
        [2, 3],
      ],
      vans,
    )
  }
  expect(crossing(1)).toEqual({ routes: ['40 41', '60 61'], saved: 380 })
  expect(crossing(6)).toEqual({ routes: ['40 60', '41 61'], saved: 0 })
})

test('a route is turned round only as far as it may drive, however much it may cost', () => {
  const turned = (maxMeters: number) => {
    const model = compileModel(
      lineProblem([10, 20, 30, 40].map(stopAtPlace), [vehicle('van', { maxMeters })]),
    )
    const neighbours = new Neighbours(model, 10, roundTrip)
    const meters = Array.from({ length: 20 }, (_, seed) => {
      const plan = planOf(model, [[0, 1, 2, 3]])
      reverseLegs(model, plan, neighbours, new Random(seed), 10_000)
      return plan.meters[0]!
    })
    return Math.max(...meters)
  }
  expect(turned(800)).toBe(800)
  expect(turned(10_000)).toBeGreaterThan(800)
})

test('nothing is turned round where the way back is longer, or where stops have their times', () => {
  const stops = [stopAt(10), stopAt(20)]
  const vans = [vehicle('van')]
  const isReversible = (problem: Problem) => compileModel(problem).shortcuts.isReversible
  const problem = lineProblem(stops, vans, 21)
  expect(isReversible(problem)).toBe(true)
  expect(isReversible(lineProblem([stopAt(10, { timeWindows: [[0, 15]] }), stopAt(20)], vans, 21))).toBe(
    false,
  )
  problem.distancesMeters[10 * problem.locationCount + 20] = 101
  expect(isReversible(problem)).toBe(false)
})

const stopAtPlace = (place: number) => stopAt(place)

/** The routes after reversals that save something, as places in order, and what they saved. */
function untangle(stops: Stop[], routes: number[][], vehicles: Vehicle[]) {
  const model = compileModel(lineProblem(stops, vehicles))
  const plan = planOf(model, routes)
  const before = planCost(plan)
  const neighbours = new Neighbours(model, 10, roundTrip)
  for (let seed = 1; seed <= 20; seed++) reverseLegs(model, plan, neighbours, new Random(seed), 0)
  const after = routes.map((_, each) =>
    chainOf(model, plan, each)
      .map((stop) => stops[stop]!.location)
      .join(' '),
  )
  return { routes: after, saved: before - planCost(plan) }
}
