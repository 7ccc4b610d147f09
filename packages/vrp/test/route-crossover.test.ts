import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { ABSENT, copyPlan, createPlan } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { crossRoutes } from '../src/route-crossover.ts'
import { chainOf, drawnPlan, expectSound, planOf, servedStops } from './plans.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

test('a child of two plans is feasible, and each stop is on one route or absent', () => {
  let inherited = 0
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 4 }), fc.integer(), (problem, seed) => {
      const model = compileModel(problem)
      if (model.stopCount === 0) return
      const donor = drawnPlan(model, seed + 1)
      const child = drawnPlan(model, seed)
      const mother = createPlan(model)
      copyPlan(child, mother)
      const known = new Set(child.absent.subarray(0, child.count.absent))
      const added = crossRoutes(model, child, donor, new Random(seed))
      expectSound(model, child)
      const absent = [...child.absent.subarray(0, child.count.absent)]
      expect(new Set(absent).size).toBe(absent.length)
      const halves = absent.flatMap((stop) =>
        model.partner[stop]! < 0 ? [stop] : [stop, model.partner[stop]!],
      )
      for (const stop of halves) expect(child.vehicle[stop]).toBe(ABSENT)
      expect([...servedStops(model, child), ...halves].toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: model.stopCount }, (_, stop) => stop),
      )
      // The last ones are those to put back: none of the others was served before.
      for (const stop of absent.slice(0, absent.length - added)) expect(known.has(stop)).toBe(true)
      for (let each = 0; each < model.vehicleCount; each++) {
        const route = chainOf(model, child, each).join(' ')
        if (
          route !== '' &&
          route === chainOf(model, donor, each).join(' ') &&
          route !== chainOf(model, mother, each).join(' ')
        )
          inherited++
      }
    }),
    { numRuns: 300, seed: 1 },
  )
  expect(inherited).toBeGreaterThan(20)
})

test('a route replaces the one that has most stops in common with it, and its stops leave the others', () => {
  const stops = [10, 11, 12, 90, 91, 92].map((place) => stopAt(place))
  const vans = ['a', 'b', 'c'].map((id) => vehicle(id))
  const model = compileModel(lineProblem(stops, vans))
  const children = new Set<string>()
  for (let seed = 1; seed <= 30; seed++) {
    const child = planOf(model, [
      [2, 3, 4],
      [0, 1, 5],
    ])
    crossRoutes(
      model,
      child,
      planOf(model, [
        [0, 1, 2],
        [3, 4, 5],
      ]),
      new Random(seed),
    )
    children.add([0, 1, 2].map((each) => chainOf(model, child, each).join(' ')).join(', '))
  }
  // Half of the donor's routes at most: either one. Of its mother's other route the child keeps what is not in it.
  expect([...children].toSorted()).toEqual(['3 4 5, 0 1, ', '3 4, 0 1 2, '])
})
