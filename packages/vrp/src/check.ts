import { earliestEnd, isSameCost, legBetween, soloReason } from './check-facts.ts'
import {
  type Problem,
  type Shipment,
  type Stop,
  serviceSecondsOf,
  type TimeSpan,
  type Vehicle,
} from './problem.ts'
import type { Route, Solution } from './solution.ts'

/**
 * Recomputes a solution from the problem alone and returns everything wrong with it, as sentences; empty when
 * the solution is feasible and its figures are right. Shares no code with the search on purpose: whoever adds
 * a constraint states it here a second time.
 */
export function checkSolution(problem: Problem, solution: Solution): string[] {
  const wrong: string[] = []
  checkEachStopOnce(problem, solution, wrong)
  const used = new Set<string>()
  for (const route of solution.routes) {
    const vehicle = problem.vehicles.find(({ id }) => id === route.vehicleId)
    if (!vehicle) wrong.push(`route of unknown vehicle ${route.vehicleId}`)
    else if (used.has(vehicle.id)) wrong.push(`vehicle ${vehicle.id} has two routes`)
    else checkRoute(problem, vehicle, route, wrong)
    used.add(route.vehicleId)
  }
  for (const vehicle of problem.vehicles) {
    if ((vehicle.lockedStops ?? []).length > 0 && !used.has(vehicle.id)) {
      wrong.push(`vehicle ${vehicle.id} has locked stops but no route`)
    }
  }
  for (const { id, reason } of solution.unassigned) {
    const stop = findStop(problem, id)
    const truth = stop && soloReason(problem, stop)
    if (truth !== reason) wrong.push(`stop ${id} is left out for ${reason}, should be ${truth}`)
  }
  for (const name of ['cost', 'changeCost'] as const) {
    const sum = solution.routes.reduce((total, route) => total + route[name], 0)
    if (!isSameCost(sum, solution[name])) wrong.push(`${name} is ${solution[name]}, routes have ${sum}`)
  }
  checkShipments(problem, solution, wrong)
  return wrong
}

function checkEachStopOnce(problem: Problem, solution: Solution, wrong: string[]): void {
  const mentions = new Map(problem.stops.map((stop) => [stop.id, 0]))
  const served = solution.routes.flatMap((route) => route.stops.map((stop) => stop.id))
  for (const id of [...served, ...solution.unassigned.map((stop) => stop.id)]) {
    const before = mentions.get(id)
    if (before === undefined) wrong.push(`unknown stop ${id}`)
    else mentions.set(id, before + 1)
  }
  for (const [id, times] of mentions) if (times !== 1) wrong.push(`stop ${id} appears ${times} times`)
}

/** The pickup comes before the delivery on one route, or neither is on any. */
function checkShipments(problem: Problem, solution: Solution, wrong: string[]): void {
  for (const { pickupStop, deliveryStop } of problem.shipments ?? []) {
    const halves = [pickupStop, deliveryStop].map((id) => {
      const route = solution.routes.find(({ stops }) => stops.some((stop) => stop.id === id))
      return { route, position: route?.stops.findIndex((stop) => stop.id === id) ?? -1 }
    })
    const isWhole = halves[0]!.route === halves[1]!.route
    if (!isWhole) wrong.push(`${pickupStop} and ${deliveryStop} of one shipment are not on one route`)
    else if (halves[0]!.position > halves[1]!.position)
      wrong.push(`${deliveryStop} comes before ${pickupStop}`)
  }
}

function checkRoute(problem: Problem, vehicle: Vehicle, route: Route, wrong: string[]): void {
  const say = (text: string) => wrong.push(`vehicle ${vehicle.id}: ${text}`)
  const stops = route.stops.map(({ id }) => findStop(problem, id))
  if (stops.length === 0) say('has a route without stops')
  if (stops.some((stop) => stop === undefined)) return
  const visits = stops as Stop[]
  const locked = vehicle.lockedStops ?? []
  locked.forEach((id, index) => {
    if (visits[index]?.id !== id) say(`locked stop ${id} is not at position ${index}`)
  })
  checkCompatibility(vehicle, visits.slice(locked.length), say)
  checkLimits(problem, vehicle, visits, route, say)
  checkTimes(problem, vehicle, visits, route, say)
  checkDriving(problem, vehicle, visits, route, say)
  const { fixed, perMeter, perSecond, perTravelSecond = 0 } = vehicle.costs
  const cost =
    fixed +
    perMeter * route.distanceMeters +
    perTravelSecond * route.travelSeconds +
    perSecond * (route.endSeconds - route.startSeconds)
  if (!isSameCost(cost, route.cost)) say(`cost is ${route.cost}, should be ${cost}`)
  const changeCost = priceOfChanges(problem, vehicle, visits)
  if (!isSameCost(changeCost, route.changeCost))
    say(`changes cost ${route.changeCost}, should be ${changeCost}`)
}

/** Meters and driving time: as stated, and within the vehicle's limits or what its locked stops need. */
function checkDriving(
  problem: Problem,
  vehicle: Vehicle,
  visits: readonly Stop[],
  route: Route,
  say: (text: string) => void,
): void {
  const driven = drivingOf(problem, vehicle, visits)
  const locked = (vehicle.lockedStops ?? []).length
  const least = locked > 0 ? drivingOf(problem, vehicle, visits.slice(0, locked)) : { meters: 0, seconds: 0 }
  if (route.distanceMeters !== driven.meters)
    say(`distance is ${route.distanceMeters} m, should be ${driven.meters} m`)
  if (route.travelSeconds !== driven.seconds) say(`drives ${driven.seconds} s, not ${route.travelSeconds} s`)
  if (driven.meters > Math.max(vehicle.maxMeters ?? driven.meters, least.meters))
    say(`drives ${driven.meters} m, may drive ${vehicle.maxMeters} m`)
  if (driven.seconds > Math.max(vehicle.maxTravelSeconds ?? driven.seconds, least.seconds))
    say(`drives ${driven.seconds} s, may drive ${vehicle.maxTravelSeconds} s`)
}

function drivingOf(problem: Problem, vehicle: Vehicle, visits: readonly Stop[]) {
  const locations = [vehicle.startLocation, ...visits.map((stop) => stop.location), vehicle.endLocation]
  const legs = locations.slice(1).map((to, index) => legBetween(problem, vehicle, locations[index]!, to))
  return {
    meters: legs.reduce((total, leg) => total + leg.meters, 0),
    seconds: legs.reduce((total, leg) => total + leg.seconds, 0),
  }
}

function priceOfChanges({ changePrices }: Problem, vehicle: Vehicle, visits: readonly Stop[]): number {
  if (!changePrices) return 0
  return visits.reduce((total, { announced }, position) => {
    if (!announced) return total
    if (announced.vehicleId !== vehicle.id) return total + changePrices.otherVehicle
    const isFar = Math.abs(announced.position - position) > changePrices.tolerance
    return total + (isFar ? changePrices.otherPosition : 0)
  }, 0)
}

function checkCompatibility(vehicle: Vehicle, visits: readonly Stop[], say: (text: string) => void): void {
  for (const stop of visits) {
    if (stop.vehicleIds && !stop.vehicleIds.includes(vehicle.id)) say(`may not serve stop ${stop.id}`)
    for (const skill of stop.skills ?? []) {
      if (!vehicle.skills?.includes(skill)) say(`lacks the skill ${skill} for stop ${stop.id}`)
    }
  }
}

/** Capacity and number of stops; locked stops may exceed both, others may not. */
function checkLimits(
  problem: Problem,
  vehicle: Vehicle,
  visits: readonly Stop[],
  route: Route,
  say: (text: string) => void,
): void {
  const lockedCount = (vehicle.lockedStops ?? []).length
  const maxStops = Math.max(vehicle.maxStops ?? visits.length, lockedCount)
  if (visits.length > maxStops) say(`serves ${visits.length} stops, may serve ${maxStops}`)
  vehicle.capacity.forEach((capacity, dimension) => {
    const peak = peakLoad(problem, visits, dimension)
    const limit = Math.max(capacity, peakLoad(problem, visits.slice(0, lockedCount), dimension))
    if (peak > limit) say(`carries ${peak} of dimension ${dimension}, may carry ${limit}`)
    if (route.load[dimension] !== peak)
      say(`load ${dimension} is ${route.load[dimension]}, should be ${peak}`)
  })
}

/** The most on board: demands from the start, pickups until the end, shipments in between. */
function peakLoad({ shipments = [] }: Problem, visits: readonly Stop[], dimension: number): number {
  const isPickupOf = (stop: Stop) => (shipment: Shipment) => shipment.pickupStop === stop.id
  const isDeliveryOf = (stop: Stop) => (shipment: Shipment) => shipment.deliveryStop === stop.id
  let load = visits.reduce((total, stop) => total + stop.demand[dimension]!, 0)
  let peak = load
  for (const stop of visits) {
    load += (stop.pickup?.[dimension] ?? 0) - stop.demand[dimension]!
    load += shipments.find(isPickupOf(stop))?.amount[dimension] ?? 0
    load -= shipments.find(isDeliveryOf(stop))?.amount[dimension] ?? 0
    peak = Math.max(peak, load)
  }
  return peak
}

/** Follows the stated times from leg to leg. */
function checkTimes(
  problem: Problem,
  vehicle: Vehicle,
  visits: readonly Stop[],
  route: Route,
  say: (text: string) => void,
): void {
  const lockedCount = (vehicle.lockedStops ?? []).length
  const isBreakLateAllowed = lockedCount > 0 && !fitsLockedBreaks(problem, vehicle)
  let clock = route.startSeconds
  let location = vehicle.startLocation
  visits.forEach((stop, index) => {
    const stated = route.stops[index]!
    const leg = legBetween(problem, vehicle, location, stop.location)
    const arrival = followLeg(vehicle, route, index, clock, leg.seconds, isBreakLateAllowed, say)
    const ready = arrival + (location === stop.location ? 0 : (stop.setupSeconds ?? 0))
    const begin = stated.startServiceSeconds
    if (stated.arrivalSeconds !== arrival)
      say(`arrives at ${stop.id} at ${arrival}, not ${stated.arrivalSeconds}`)
    if (begin < ready) say(`starts serving ${stop.id} at ${begin}, is not ready before ${ready}`)
    if (stated.waitingSeconds !== begin - ready) say(`waits ${begin - ready} s at ${stop.id}`)
    if (stated.departureSeconds !== begin + serviceSecondsOf(stop, vehicle))
      say(`departs wrongly from ${stop.id}`)
    const isLate = index < lockedCount && begin > stop.timeWindows.at(-1)![1]
    if (!isLate && !stop.timeWindows.some((window) => contains(window, begin))) {
      say(`starts serving ${stop.id} at ${begin}, outside its windows`)
    }
    clock = stated.departureSeconds
    location = stop.location
  })
  const wayBack = legBetween(problem, vehicle, location, vehicle.endLocation)
  const end = followLeg(vehicle, route, visits.length, clock, wayBack.seconds, isBreakLateAllowed, say)
  if (route.endSeconds !== end) say(`ends at ${end}, not ${route.endSeconds}`)
  if (route.durationSeconds !== route.endSeconds - route.startSeconds) say('duration is not end less start')
  if (route.startSeconds < vehicle.shift[0]) say(`starts before its shift at ${vehicle.shift[0]}`)
  const shiftEnd = Math.max(vehicle.shift[1], endOfLockedRoute(problem, vehicle))
  if (end > shiftEnd) say(`ends at ${end}, after its shift at ${shiftEnd}`)
  const taken = route.breaks.map(({ id }) => id).join(', ')
  const due = (vehicle.breaks ?? []).map(({ id }) => id).join(', ')
  if (taken !== due) say(`takes the breaks [${taken}], should take [${due}]`)
}

/** The arrival after a leg that stated breaks may interrupt. */
function followLeg(
  vehicle: Vehicle,
  route: Route,
  afterStops: number,
  departure: number,
  seconds: number,
  isLateAllowed: boolean,
  say: (text: string) => void,
): number {
  let clock = departure
  let driving = seconds
  for (const taken of route.breaks.filter((candidate) => candidate.afterStops === afterStops)) {
    const pause = vehicle.breaks?.find(({ id }) => id === taken.id)
    if (!pause) continue
    const start = taken.startSeconds
    const isLate = isLateAllowed && start > pause.timeWindows.at(-1)![1]
    if (start < clock) say(`takes the break ${pause.id} at ${start}, is busy until ${clock}`)
    if (!isLate && !pause.timeWindows.some((window) => contains(window, start)))
      say(`takes the break ${pause.id} at ${start}, outside its windows`)
    if (taken.endSeconds !== start + pause.serviceSeconds) say(`ends the break ${pause.id} wrongly`)
    driving = Math.max(0, driving - (start - clock))
    clock = taken.endSeconds
  }
  return clock + driving
}

function fitsLockedBreaks(problem: Problem, vehicle: Vehicle): boolean {
  return Number.isFinite(earliestEnd(problem, vehicle, lockedVisits(problem, vehicle), { isLocked: true }))
}

/** When the vehicle would be done with its locked stops alone, at the earliest. */
function endOfLockedRoute(problem: Problem, vehicle: Vehicle): number {
  const visits = lockedVisits(problem, vehicle)
  if (visits.length === 0) return vehicle.shift[0]
  const end = earliestEnd(problem, vehicle, visits, { isLocked: true })
  if (Number.isFinite(end)) return end
  return earliestEnd(problem, vehicle, visits, { isLocked: true, areBreaksLate: true })
}

function lockedVisits(problem: Problem, vehicle: Vehicle): Stop[] {
  const stops = (vehicle.lockedStops ?? []).map((id) => findStop(problem, id))
  return stops.filter((stop) => stop !== undefined)
}

function contains([start, end]: TimeSpan, moment: number): boolean {
  return start <= moment && moment <= end
}

const indices = new WeakMap<Problem, ReadonlyMap<string, Stop>>()

/** A production check has thousands of stops to look up and little time. */
function findStop(problem: Problem, id: string): Stop | undefined {
  const known = indices.get(problem) ?? new Map(problem.stops.map((stop) => [stop.id, stop]))
  indices.set(problem, known)
  return known.get(id)
}
