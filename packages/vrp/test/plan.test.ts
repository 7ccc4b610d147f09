import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { endNode, type Model, startNode } from '../src/model.ts'
import { Neighbours, roundTrip } from '../src/neighbours.ts'
import { copyPlan, createPlan, type Plan, synchronise } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext, recreate } from '../src/recreate.ts'
import { refreshRoute } from '../src/route-evaluation.ts'
import { ruin } from '../src/ruin.ts'
import { richProblem } from './problems.ts'

test('a rejected candidate becomes the current plan again, an accepted one becomes the current plan', () => {
  fc.assert(
    fc.property(
      richProblem({ stops: 12, vehicles: 3 }),
      fc.array(fc.boolean(), { maxLength: 8 }),
      (drawn, answers) => {
        const model = compileModel({
          ...drawn,
          vehicles: drawn.vehicles.map((entry) => ({ ...entry, lockedStops: [] })),
        })
        const random = new Random(1)
        const context = createRecreateContext(model, random)
        const neighbours = new Neighbours(model, 12, roundTrip)
        const candidate = createPlan(model)
        const current = createPlan(model)
        for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(model, candidate, vehicle)
        for (let stop = 0; stop < model.stopCount; stop++) {
          if (model.isDelivery[stop] === 0) candidate.absent[candidate.count.absent++] = stop
        }
        copyPlan(candidate, current)
        for (const isAccepted of [true, ...answers]) {
          ruin(model, candidate, neighbours, random)
          recreate(context, candidate, candidate.count.absent, 0.2)
          const expected = describePlan(model, isAccepted ? candidate : current)
          if (isAccepted) synchronise(model, candidate, current, candidate)
          else synchronise(model, current, candidate, candidate)
          expect(describePlan(model, candidate)).toEqual(expected)
          expect(describePlan(model, current)).toEqual(expected)
          expect(candidate.count.touched).toBe(0)
          expect(candidate.isTouched.some((mark) => mark === 1)).toBe(false)
        }
      },
    ),
    { numRuns: 100 },
  )
})

test('every stop is on one chain or absent after ruin and recreate', () => {
  fc.assert(
    fc.property(richProblem({ stops: 12, vehicles: 3 }), (drawn) => {
      const model = compileModel({
        ...drawn,
        vehicles: drawn.vehicles.map((entry) => ({ ...entry, lockedStops: [] })),
      })
      const random = new Random(1)
      const plan = createPlan(model)
      for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) refreshRoute(model, plan, vehicle)
      for (let stop = 0; stop < model.stopCount; stop++) {
        if (model.isDelivery[stop] === 0) plan.absent[plan.count.absent++] = stop
      }
      const context = createRecreateContext(model, random)
      const neighbours = new Neighbours(model, 12, roundTrip)
      for (let round = 0; round < 5; round++) {
        recreate(context, plan, plan.count.absent, 0)
        synchronise(model, plan, plan, plan)
        ruin(model, plan, neighbours, random)
        const { routes, absent } = describePlan(model, plan)
        const onChains = routes
          .flatMap((route) => route.nodes.map(({ node }) => node))
          .filter((n) => n < model.stopCount)
        const deliveries = absent.map((stop) => model.partner[stop]!).filter((stop) => stop >= 0)
        expect([...onChains, ...absent, ...deliveries].toSorted((a, b) => a - b)).toEqual([
          ...plan.vehicle.keys(),
        ])
      }
    }),
    { numRuns: 100 },
  )
})

/** Everything that later decisions are made from. */
function describePlan(model: Model, plan: Plan) {
  const routes = Array.from({ length: model.vehicleCount }, (_, vehicle) => {
    const isPaidByTime = model.costPerSecond[vehicle]! > 0
    const nodes = []
    for (let node = startNode(model, vehicle); ; node = plan.next[node]!) {
      const isStop = node < model.stopCount
      nodes.push({
        node,
        previous: node === startNode(model, vehicle) ? null : plan.previous[node],
        vehicle: isStop ? plan.vehicle[node] : null,
        position: isStop ? plan.position[node] : null,
        departure: plan.departure[node],
        latestReady: plan.latestReady[node],
        legMeters: node === startNode(model, vehicle) ? null : plan.legMeters[node],
        prefix: isPaidByTime ? segmentAt(plan.prefix, node) : null,
        suffix: isPaidByTime ? segmentAt(plan.suffix, node) : null,
        breaks: model.breaks.count[vehicle]! > 0 ? breaksAt(model, plan, node, isPaidByTime) : null,
      })
      if (node === endNode(model, vehicle)) break
    }
    return {
      nodes,
      meters: plan.meters[vehicle],
      cost: plan.cost[vehicle],
      stopCount: plan.stopCount[vehicle],
      durationSeconds: plan.durationSeconds[vehicle],
      load: [...plan.load.subarray(vehicle * model.dimensions, (vehicle + 1) * model.dimensions)],
    }
  })
  return { routes, absent: [...plan.absent.subarray(0, plan.count.absent)] }
}

function breaksAt(model: Model, plan: Plan, node: number, isPaidByTime: boolean) {
  const { layers } = model.breaks
  const slots = [node * layers, (node + 1) * layers] as const
  return {
    departures: [...plan.layerDeparture.subarray(...slots)],
    latest: [...plan.layerLatest.subarray(...slots)],
    pause: isPaidByTime ? [plan.pauseOpen[node], plan.pauseClose[node], plan.pauseSeconds[node]] : null,
  }
}

function segmentAt(segments: Plan['prefix'], node: number) {
  return [segments.duration[node], segments.early[node], segments.late[node]]
}
