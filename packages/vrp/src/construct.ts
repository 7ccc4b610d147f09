import { insertFirstFit } from './first-fit.ts'
import { type Model, startNode } from './model.ts'
import { ABSENT, createPlan, linkStop, type Plan } from './plan.ts'
import { insertAll, isPlaceable, type RecreateContext } from './recreate.ts'
import { refreshRoute } from './route-evaluation.ts'
import type { StopCriterion } from './stop.ts'

/**
 * The first plan: locked stops, then greedy insertion of everything that may fit some vehicle. When time is short, what
 * is left goes into the first route that can take it, which is a fraction of the work and leaves out as little.
 */
export function constructPlan(context: RecreateContext, stop: StopCriterion): Plan {
  const { model } = context
  const plan = createPlan(model)
  let short = false
  const isShort = () => (short ||= stop.isConstructionOver())
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    let node = startNode(model, vehicle)
    for (const locked of model.lockedStops[vehicle]!) {
      linkStop(plan, locked, node, vehicle)
      node = locked
    }
    refreshRoute(model, plan, vehicle)
  }
  for (let each = 0; each < model.stopCount; each++) {
    if (model.isLocked[each] === 1 || model.isDelivery[each] === 1) continue
    if (isShort() || isPlaceable(context, plan, each)) plan.absent[plan.count.absent++] = each
  }
  fillPlan(context, plan, isShort)
  if (isShort()) insertFirstFit(context, plan)
  return forgetTouched(plan)
}

/**
 * Inserts what the search has left out and still fits, overlooking nothing: afterwards no absent stop fits anywhere in
 * the plan, unless the time is up.
 */
export function completePlan(context: RecreateContext, plan: Plan, stop: StopCriterion): Plan {
  listAbsent(context.model, plan)
  fillPlan(context, plan, () => stop.isOverdue())
  return forgetTouched(plan)
}

/** Lists everything that is on no route, also what fits no vehicle alone: next to another stop it may. */
function listAbsent(model: Model, plan: Plan): void {
  plan.count.absent = 0
  for (let stop = 0; stop < model.stopCount; stop++) {
    if (plan.vehicle[stop] === ABSENT && model.isDelivery[stop] === 0) plan.absent[plan.count.absent++] = stop
  }
}

function fillPlan(context: RecreateContext, plan: Plan, isLate: () => boolean): void {
  // Once more after each success: a stop may fit only next to one that was put in after it was tried.
  for (let before = Number.POSITIVE_INFINITY; plan.count.absent < before && plan.count.absent > 0; ) {
    before = plan.count.absent
    if (!isLate()) insertAll(context, plan, isLate)
  }
}

function forgetTouched(plan: Plan): Plan {
  plan.isTouched.fill(0)
  plan.count.touched = 0
  return plan
}
