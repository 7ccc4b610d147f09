import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { endNode, type Model, startNode } from '../src/model.ts'
import { Neighbours, proximity } from '../src/neighbours.ts'
import { copyPlan, createPlan, linkStop, type Plan, planCost } from '../src/plan.ts'
import type { Break, Problem, Stop, TimeSpan } from '../src/problem.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext, insertAll } from '../src/recreate.ts'
import { isRouteFeasible, refreshRoute } from '../src/route-evaluation.ts'
import { exchangeTails } from '../src/tail-exchange.ts'
import { lineProblem, richProblem, stopAt, vehicle } from './problems.ts'

test.each([
  { kind: 'without breaks', breaks: [] },
  {
    kind: 'with breaks',
    breaks: [
      { id: 'first', timeWindows: [[40, 90] as const], serviceSeconds: 10 },
      { id: 'second', timeWindows: [[60, 120] as const], serviceSeconds: 5 },
    ],
  },
])(
  'an exchange $kind leaves feasible routes, every stop on one, and what is known about them true',
  ({ breaks }) => {
    let exchanges = 0
    fc.assert(
      fc.property(richProblem({ stops: 12, vehicles: 3 }), fc.integer(), (drawn, seed) => {
        const model = compileModel({
          ...drawn,
          shipments: [],
          stops: drawn.stops.map((stop) => ({ ...stop, pickup: undefined })),
          // Of three vehicles drawn at random, hardly two could exchange anything.
          vehicles: drawn.vehicles.map((entry, index) => ({
            ...entry,
            lockedStops: [],
            breaks: breaks.map((each) => ({ ...each, timeWindows: each.timeWindows.map(shiftedBy(drawn)) })),
            maxTravelSeconds: undefined,
            speedFactor: 1,
            endLocation: 0,
            shift: index > 0 && entry.maxStops === undefined ? entry.shift : drawn.vehicles[0]!.shift,
            costs: { ...entry.costs, perTravelSecond: 0 },
          })),
        })
        const plan = createPlan(model)
        for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, plan, each)
        for (let stop = 0; stop < model.stopCount; stop++) plan.absent[plan.count.absent++] = stop
        const random = new Random(seed)
        insertAll(createRecreateContext(model, random), plan)
        const served = stopsOf(model, plan).toSorted((a, b) => a - b)
        const neighbours = new Neighbours(model, model.stopCount, proximity)
        for (let round = 0; round < 5; round++) {
          if (model.stopCount > 0 && exchangeTails(model, plan, neighbours, random, 50)) exchanges++
          expect(stopsOf(model, plan).toSorted((a, b) => a - b)).toEqual(served)
          for (let each = 0; each < model.vehicleCount; each++) expectFeasible(model, plan, each)
          expectSameAsFromScratch(model, plan)
        }
      }),
      { numRuns: 200, seed: 1 },
    )
    expect(exchanges).toBeGreaterThan(50)
  },
)

test('vehicles with other breaks exchange nothing', () => {
  const lunch = { id: 'lunch', timeWindows: [[0, 900] as const], serviceSeconds: 10 }
  const routes = [
    [stopAt(40), stopAt(70)],
    [stopAt(60), stopAt(30)],
  ]
  expect(untangle(routes, [[lunch], [{ ...lunch, id: 'tea' }]])).toEqual([
    ['s40', 's30'],
    ['s60', 's70'],
  ])
  expect(untangle(routes, [[lunch], [{ ...lunch, serviceSeconds: 9 }]])).toEqual([
    ['s40', 's70'],
    ['s60', 's30'],
  ])
  expect(untangle(routes, [[lunch], []])).toEqual([
    ['s40', 's70'],
    ['s60', 's30'],
  ])
})

test('routes that cross each other are untangled', () => {
  expect(
    untangle([
      [stopAt(40), stopAt(70)],
      [stopAt(60), stopAt(30)],
    ]),
  ).toEqual([
    ['s40', 's30'],
    ['s60', 's70'],
  ])
})

test('a route of two far ends is split when an unused vehicle makes that cheap', () => {
  const home = (id: string, place: number) => vehicle(id, { startLocation: place, endLocation: 50 })
  const { before, after } = splitBetween(home('near', 0), home('far', 100))
  expect(before - after).toBeGreaterThan(0)
})

test('pins, loads and the most stops are kept', () => {
  const pinned = stopAt(30, { vehicleIds: ['van-1'] })
  expect(
    untangle([
      [stopAt(40), stopAt(70)],
      [stopAt(60), pinned],
    ]),
  ).toEqual([
    ['s40', 's70'],
    ['s60', 's30'],
  ])
  expect(
    untangle([
      [stopAt(40), stopAt(70)],
      [stopAt(60), stopAt(30, { demand: [9] })],
    ]),
  ).toEqual([
    ['s40', 's70'],
    ['s60', 's30'],
  ])
  expect(
    untangle([
      [stopAt(40), stopAt(70)],
      [stopAt(60), stopAt(30), stopAt(29)],
    ]),
  ).toEqual([
    ['s40', 's70'],
    ['s60', 's30', 's29'],
  ])
})

/** Problems count from midnight or from 1970. */
function shiftedBy({ vehicles }: Problem) {
  const by = (vehicles[0]?.shift[0] ?? 0) >= 1_750_000_000 ? 1_750_000_000 : 0
  return ([open, close]: readonly [number, number]): TimeSpan => [open + by, close + by]
}

/** The ids of two routes from place 50 after exchanges that save something; the first van is the smaller one. */
function untangle(routes: Stop[][], breaks: Break[][] = [[], []]): string[][] {
  const stops = routes.flat()
  const middle = { startLocation: 50, endLocation: 50 }
  const vans = [
    vehicle('van-0', { ...middle, breaks: breaks[0]!, capacity: [9], maxStops: 2 }),
    vehicle('van-1', { ...middle, breaks: breaks[1]!, capacity: [10], maxStops: 3 }),
  ]
  const model = compileModel(lineProblem(stops, vans))
  const plan = planOf(
    model,
    routes.map((route) => route.map((stop) => stops.indexOf(stop))),
  )
  const neighbours = new Neighbours(model, 10, proximity)
  for (let seed = 1; seed <= 20; seed++) exchangeTails(model, plan, neighbours, new Random(seed), 0)
  return routes.map((_, each) => chainOf(model, plan, each).map((stop) => stops[stop]!.id))
}

function splitBetween(near: ReturnType<typeof vehicle>, far: ReturnType<typeof vehicle>) {
  const model = compileModel(lineProblem([stopAt(1), stopAt(99)], [near, far]))
  const plan = planOf(model, [[0, 1]])
  const before = planCost(plan)
  const neighbours = new Neighbours(model, 10, proximity)
  for (let seed = 1; seed <= 20; seed++) exchangeTails(model, plan, neighbours, new Random(seed), 0)
  return { before, after: planCost(plan) }
}

function planOf(model: Model, routes: number[][]): Plan {
  const plan = createPlan(model)
  routes.forEach((stops, each) => {
    let node = startNode(model, each)
    for (const stop of stops) {
      linkStop(plan, stop, node, each)
      node = stop
    }
  })
  for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, plan, each)
  return plan
}

function stopsOf(model: Model, plan: Plan): number[] {
  return Array.from({ length: model.vehicleCount }, (_, each) => chainOf(model, plan, each)).flat()
}

function chainOf(model: Model, plan: Plan, each: number): number[] {
  const chain: number[] = []
  for (
    let node = plan.next[startNode(model, each)]!;
    node !== endNode(model, each);
    node = plan.next[node]!
  ) {
    expect(plan.vehicle[node]).toBe(each)
    chain.push(node)
  }
  return chain
}

function expectFeasible(model: Model, plan: Plan, each: number): void {
  if (plan.stopCount[each]! > 0) expect(isRouteFeasible(model, plan, each)).toBe(true)
  expect(plan.stopCount[each]).toBeLessThanOrEqual(model.maxStops[each]!)
  for (let d = 0; d < model.dimensions; d++) {
    const slot = each * model.dimensions + d
    expect(plan.load[slot]).toBeLessThanOrEqual(model.capacity[slot]!)
  }
  for (const stop of chainOf(model, plan, each)) {
    expect(model.isAllowed[stop * model.vehicleCount + each]).toBe(1)
    expect(plan.departure[stop]! - model.serviceSeconds[stop]!).toBeLessThanOrEqual(model.lastClose[stop]!)
  }
}

function expectSameAsFromScratch(model: Model, plan: Plan): void {
  const fresh = createPlan(model)
  copyPlan(plan, fresh)
  for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, fresh, each)
  expect({ ...plan, layerScratch: null }).toEqual({ ...fresh, layerScratch: null })
}
