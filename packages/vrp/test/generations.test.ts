import { expect, test } from 'vitest'
import { worthOf } from '../src/acceptance.ts'
import { compileModel } from '../src/compile-model.ts'
import { Generations } from '../src/generations.ts'
import { copyPlan } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext } from '../src/recreate.ts'
import { StopCriterion } from '../src/stop.ts'
import { drawnPlan, expectSound, servedStops } from './plans.ts'
import { scatteredStops } from './scattered-stops.ts'

const STOPS = 30
const model = compileModel(scatteredStops(STOPS))

/** Lets the generations pass, each anneal of which finds a plan drawn at random; all plans that were begun with. */
function live(iterationsPerStop: number, mayDivide = true) {
  const stop = new StopCriterion({ maxIterations: iterationsPerStop * STOPS })
  const generations = new Generations(model, mayDivide)
  const context = createRecreateContext(model, new Random(1))
  const current = drawnPlan(model, 0)
  const heats = [generations.heat(0)]
  const costs: number[] = []
  while (!stop.reached()) {
    if (!generations.isDue(stop)) continue
    const found = drawnPlan(model, costs.length)
    costs.push(worthOf(model, found).cost)
    generations.next(stop, found, worthOf(model, found), context, current)
    heats.push(generations.heat(stop.progress))
    expectSound(model, current)
    expect(servedStops(model, current)).toHaveLength(STOPS)
  }
  return { generations, costs, heats, last: generations.heat(1) }
}

test('a long search has three founders and then children, the last of which ends cold with the search', () => {
  const { heats, last } = live(5_000)
  expect(heats).toEqual([2, 2, 2, 0.4, 0.4, 0.4, 0.4, 0.4])
  expect(last).toBeCloseTo(0.04)
})

test('a search too short for children, or planned by several threads in parts, is one anneal', () => {
  for (const { heats, last } of [live(3_700), live(5_000, false)]) {
    expect(heats).toEqual([2])
    expect(last).toBeCloseTo(0.04)
  }
})

test('the best plan of all anneals is kept, and is not changed by what its children become', () => {
  const { generations, costs } = live(8_000)
  expect(worthOf(model, generations.best()).cost).toBe(Math.min(...costs))
  const worse = drawnPlan(model, 0)
  copyPlan(generations.best(), worse)
  generations.keep(worse, { absentWeight: 1, cost: 0 })
  expect(worthOf(model, generations.best())).toEqual({ absentWeight: 0, cost: Math.min(...costs) })
})
