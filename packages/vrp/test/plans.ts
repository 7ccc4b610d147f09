import { expect } from 'vitest'
import { endNode, type Model, startNode } from '../src/model.ts'
import { copyPlan, createPlan, linkStop, type Plan } from '../src/plan.ts'
import { Random } from '../src/random.ts'
import { createRecreateContext, recreate } from '../src/recreate.ts'
import { isRouteFeasible, refreshRoute } from '../src/route-evaluation.ts'

/** The plan in which each vehicle serves the stops that are given for it; later ones have none. */
export function planOf(model: Model, routes: readonly (readonly number[])[]): Plan {
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

/** A plan with locked stops and whatever else could be put in, in an order drawn at random. */
export function drawnPlan(model: Model, seed: number): Plan {
  const plan = planOf(model, model.lockedStops)
  for (let stop = 0; stop < model.stopCount; stop++) {
    if (model.isLocked[stop] === 0 && model.isDelivery[stop] === 0) plan.absent[plan.count.absent++] = stop
  }
  recreate(createRecreateContext(model, new Random(seed)), plan, plan.count.absent, 0.3)
  plan.isTouched.fill(0)
  plan.count.touched = 0
  return plan
}

/** The stops of a vehicle in their order. */
export function chainOf(model: Model, plan: Plan, each: number): number[] {
  const chain: number[] = []
  const end = endNode(model, each)
  for (let node = plan.next[startNode(model, each)]!; node !== end; node = plan.next[node]!) {
    expect(plan.vehicle[node]).toBe(each)
    chain.push(node)
  }
  return chain
}

/** All stops on routes, ascending. */
export function servedStops(model: Model, plan: Plan): number[] {
  const routes = Array.from({ length: model.vehicleCount }, (_, each) => chainOf(model, plan, each))
  return routes.flat().toSorted((a, b) => a - b)
}

/** Expects feasible routes, and of all that is known about them what refreshing them from scratch gives. */
export function expectSound(model: Model, plan: Plan): void {
  for (let each = 0; each < model.vehicleCount; each++) expectFeasible(model, plan, each)
  const fresh = createPlan(model)
  copyPlan(plan, fresh)
  for (let each = 0; each < model.vehicleCount; each++) refreshRoute(model, fresh, each)
  expect({ ...plan, layerScratch: null }).toEqual({ ...fresh, layerScratch: null })
}

function expectFeasible(model: Model, plan: Plan, each: number): void {
  const chain = chainOf(model, plan, each)
  const { lockedStops } = model
  expect(chain.slice(0, lockedStops[each]!.length)).toEqual(lockedStops[each])
  if (chain.length === lockedStops[each]!.length) return
  expect(isRouteFeasible(model, plan, each)).toBe(true)
  expect(chain.length).toBeLessThanOrEqual(model.maxStops[each]!)
  for (let d = 0; d < model.dimensions; d++) {
    const slot = each * model.dimensions + d
    expect(plan.load[slot]).toBeLessThanOrEqual(model.capacity[slot]!)
  }
  // Locked stops are commitments, whatever they break.
  for (const stop of chain.slice(lockedStops[each]!.length)) {
    expect(model.isAllowed[stop * model.vehicleCount + each]).toBe(1)
    expect(plan.departure[stop]! - model.serviceSeconds[stop]!).toBeLessThanOrEqual(model.lastClose[stop]!)
  }
}
