import { lastLockedNode } from './insertion.ts'
import { endNode, type Model, startNode } from './model.ts'
import { roundTrip } from './neighbours.ts'
import { ABSENT, linkStop, type Plan, unlinkStop } from './plan.ts'
import type { Random } from './random.ts'
import { clearRoute, refreshOrClear } from './ruin.ts'

/** The largest part of the donor's routes that a child inherits. */
const MOST_INHERITED = 0.5

const NOBODY = -1

/**
 * Selective route exchange (SREX; Nagata, Bräysy & Dullaert, "A penalty-based edge assembly memetic algorithm for the
 * vehicle routing problem with time windows", 2010): `child`, a copy of one plan, inherits neighbouring routes of another
 * plan, `donor`, in place of those of its own that have most stops in common with them. Stops that are served twice
 * then leave their old routes; stops that are on no route any more are absent, and the last in the list. Returns how many.
 */
export function crossRoutes(model: Model, child: Plan, donor: Plan, random: Random): number {
  const before = child.count.absent
  const hosts = chooseHosts(model, child, donor, chooseRoutes(model, donor, random))
  for (const host of hosts.values()) clearRoute(model, child, host)
  for (const [vehicle, host] of hosts) inheritRoute(model, child, donor, vehicle, host)
  let absent = 0
  let absentAsBefore = 0
  for (let index = 0; index < child.count.absent; index++) {
    const stop = child.absent[index]!
    if (child.vehicle[stop] !== ABSENT) continue
    child.absent[absent++] = stop
    if (index < before) absentAsBefore++
  }
  child.count.absent = absent
  for (let index = 0; index < child.count.touched; index++)
    refreshOrClear(model, child, child.touched[index]!)
  return child.count.absent - absentAsBefore
}

/** Some of the routes whose stops are on average nearest to a random stop. */
function chooseRoutes(model: Model, plan: Plan, random: Random): number[] {
  const pivot = random.below(model.stopCount)
  const routes: { vehicle: number; distance: number }[] = []
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle]! > 0)
      routes.push({ vehicle, distance: distanceOf(model, plan, vehicle, pivot) })
  }
  routes.sort((a, b) => a.distance - b.distance)
  const count = 1 + random.below(Math.max(1, Math.floor(routes.length * MOST_INHERITED)))
  return routes.slice(0, count).map(({ vehicle }) => vehicle)
}

function distanceOf(model: Model, plan: Plan, vehicle: number, pivot: number): number {
  const end = endNode(model, vehicle)
  let total = 0
  for (let node = plan.next[startNode(model, vehicle)]!; node !== end; node = plan.next[node]!)
    total += roundTrip(model, pivot, node)
  return total / plan.stopCount[vehicle]!
}

/** For each of the donor's vehicles, the child's vehicle that takes over its route. */
function chooseHosts(
  model: Model,
  child: Plan,
  donor: Plan,
  vehicles: readonly number[],
): ReadonlyMap<number, number> {
  const hosts = new Map<number, number>()
  const isTaken = new Uint8Array(model.vehicleCount)
  for (const vehicle of vehicles) {
    const host = chooseHost(model, child, donor, vehicle, isTaken)
    if (host === NOBODY) continue
    isTaken[host] = 1
    hosts.set(vehicle, host)
  }
  return hosts
}

/** Of the vehicles of the same kind (one with locked stops is like no other) that are not taken yet, the one that serves most stops of the donor's vehicle. */
function chooseHost(model: Model, child: Plan, donor: Plan, vehicle: number, isTaken: Uint8Array): number {
  const shared = new Int32Array(model.vehicleCount)
  const end = endNode(model, vehicle)
  for (let node = donor.next[startNode(model, vehicle)]!; node !== end; node = donor.next[node]!) {
    const other = child.vehicle[node]!
    if (other !== ABSENT) shared[other]!++
  }
  let host = NOBODY
  for (let other = 0; other < model.vehicleCount; other++) {
    if (isTaken[other] === 1 || model.twin[other] !== model.twin[vehicle]) continue
    if (host === NOBODY || shared[other]! > shared[host]!) host = other
  }
  return host
}

/** Moves the stops of the donor's route to a vehicle whose own have been cleared, in their order. */
function inheritRoute(model: Model, child: Plan, donor: Plan, vehicle: number, host: number): void {
  const end = endNode(model, vehicle)
  let last = lastLockedNode(model, host)
  for (let node = donor.next[lastLockedNode(model, vehicle)]!; node !== end; node = donor.next[node]!) {
    if (child.vehicle[node] !== ABSENT) unlinkStop(model, child, node)
    linkStop(child, node, last, host)
    last = node
  }
}
