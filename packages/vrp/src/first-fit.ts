import { NOWHERE } from './insertion.ts'
import type { Plan } from './plan.ts'
import { linkFound, type RecreateContext, scanVehicle } from './recreate.ts'
import { refreshPositions } from './route-evaluation.ts'

/**
 * Puts every absent stop that fits into the first route that can take it: the one that took the stop before, then those
 * that did so last, then an unused vehicle. The heaviest stops come first, else the order in which they are listed. A
 * stop stays absent only if no vehicle could take it.
 */
export function insertFirstFit(context: RecreateContext, plan: Plan): void {
  const { found } = context.scratch
  const { weight } = context.model
  plan.absent.subarray(0, plan.count.absent).sort((a, b) => weight[b]! - weight[a]!)
  const vehicles = [...plan.stopCount.keys()].toSorted((a, b) => plan.stopCount[b]! - plan.stopCount[a]!)
  let left = 0
  for (let index = 0; index < plan.count.absent; index++) {
    const stop = plan.absent[index]!
    found.after = NOWHERE
    found.cost = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < vehicles.length && found.after === NOWHERE; slot++) {
      const vehicle = vehicles[slot]!
      scanVehicle(context, plan, stop, vehicle)
      if (found.after !== NOWHERE) vehicles.unshift(...vehicles.splice(slot, 1))
    }
    if (linkFound(context, plan, stop) === NOWHERE) plan.absent[left++] = stop
  }
  plan.count.absent = left
  for (let index = 0; index < plan.count.touched; index++)
    refreshPositions(context.model, plan, plan.touched[index]!)
}
