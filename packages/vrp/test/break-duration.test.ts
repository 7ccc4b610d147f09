import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { startNode } from '../src/model.ts'
import { createPlan } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext, insertAll } from '../src/recreate.ts'
import { refreshRoute } from '../src/route-evaluation.ts'
import { richProblem } from './problems.ts'

test('the joined segments of a route with breaks last as long as its exact schedule', () => {
  let routes = 0
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (drawn) => {
      const costs = { fixed: 0, perMeter: 1, perSecond: 1 }
      const vehicles = drawn.vehicles.map((each) => ({ ...each, lockedStops: [], costs }))
      const model = compileModel({ ...drawn, shipments: [], vehicles })
      const plan = createPlan(model)
      for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, plan, each)
      for (let stop = 0; stop < model.stopCount; stop++) plan.absent[plan.count.absent++] = stop
      insertAll(createRecreateContext(model, new Random(1)), plan)
      for (let each = 0; each < model.vehicleCount; each++) {
        if (model.breaks.count[each] === 0 || plan.stopCount[each] === 0) continue
        routes++
        expect(plan.suffix.duration[startNode(model, each)]).toBe(plan.durationSeconds[each])
      }
    }),
    { numRuns: 400, seed: 1 },
  )
  expect(routes).toBeGreaterThan(100)
})
