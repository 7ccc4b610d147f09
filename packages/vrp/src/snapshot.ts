import { endNode, type Model, startNode } from './model.ts'
import { ABSENT, type Plan } from './plan.ts'
import { refreshRoute } from './route-evaluation.ts'

/** A plan as threads pass it to each other: `next` of every node, how many stops are absent, and which. */
export type Snapshot = Int32Array

/** How many numbers a snapshot has. */
export function snapshotLength(model: Model): number {
  return model.nodeCount + 1 + model.stopCount
}

/** Writes the routes and the absent stops of a plan. */
export function takeSnapshot(model: Model, plan: Plan, into: Snapshot): void {
  into.set(plan.next)
  into[model.nodeCount] = plan.count.absent
  into.set(plan.absent.subarray(0, plan.count.absent), model.nodeCount + 1)
}

/** Makes the plan what the snapshots hold: the route of each vehicle is in the snapshot that `owner` names. */
export function restorePlan(
  model: Model,
  snapshots: readonly Snapshot[],
  owner: (vehicle: number) => number,
  plan: Plan,
): void {
  plan.vehicle.fill(ABSENT)
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    const next = snapshots[owner(vehicle)]!
    const end = endNode(model, vehicle)
    for (let node = startNode(model, vehicle); node !== end; node = next[node]!) {
      if (node < model.stopCount) plan.vehicle[node] = vehicle
      plan.next[node] = next[node]!
      plan.previous[next[node]!] = node
    }
    refreshRoute(model, plan, vehicle)
  }
  plan.count.elsewhere = 0
  plan.count.absent = 0
  for (const snapshot of snapshots) {
    const absent = snapshot.subarray(model.nodeCount + 1, model.nodeCount + 1 + snapshot[model.nodeCount]!)
    plan.absent.set(absent, plan.count.absent)
    plan.count.absent += absent.length
  }
  plan.isTouched.fill(0)
  plan.count.touched = 0
}
