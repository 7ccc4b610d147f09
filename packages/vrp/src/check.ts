import type { Problem, Stop, TimeSpan, Vehicle } from './problem.ts'
import type { Route, Solution, UnassignedReason } from './solution.ts'

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
    const stop = problem.stops.find((candidate) => candidate.id === id)
    const truth = stop && reasonOf(problem, stop)
    if (truth !== reason) wrong.push(`stop ${id} is left out for ${reason}, should be ${truth}`)
  }
  const cost = solution.routes.reduce((total, route) => total + route.cost, 0)
  if (!isSameCost(cost, solution.cost)) wrong.push(`cost is ${solution.cost}, routes cost ${cost}`)
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

function checkRoute(problem: Problem, vehicle: Vehicle, route: Route, wrong: string[]): void {
  const say = (text: string) => wrong.push(`vehicle ${vehicle.id}: ${text}`)
  const stops = route.stops.map(({ id }) => problem.stops.find((stop) => stop.id === id))
  if (stops.length === 0) say('has a route without stops')
  if (stops.some((stop) => stop === undefined)) return
  const visits = stops as Stop[]
  const locked = vehicle.lockedStops ?? []
  locked.forEach((id, index) => {
    if (visits[index]?.id !== id) say(`locked stop ${id} is not at position ${index}`)
  })
  checkCompatibility(vehicle, visits.slice(locked.length), say)
  checkLimits(vehicle, visits, route, say)
  const meters = checkTimes(problem, vehicle, visits, route, say)
  if (route.distanceMeters !== meters) say(`distance is ${route.distanceMeters} m, should be ${meters} m`)
  const { fixed, perMeter, perSecond } = vehicle.costs
  const cost = fixed + perMeter * meters + perSecond * (route.endSeconds - route.startSeconds)
  if (!isSameCost(cost, route.cost)) say(`cost is ${route.cost}, should be ${cost}`)
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
  vehicle: Vehicle,
  visits: readonly Stop[],
  route: Route,
  say: (text: string) => void,
): void {
  const lockedCount = (vehicle.lockedStops ?? []).length
  const maxStops = Math.max(vehicle.maxStops ?? visits.length, lockedCount)
  if (visits.length > maxStops) say(`serves ${visits.length} stops, may serve ${maxStops}`)
  vehicle.capacity.forEach((capacity, dimension) => {
    const amounts = visits.map((stop) => stop.demand[dimension]!)
    const load = sum(amounts)
    const limit = Math.max(capacity, sum(amounts.slice(0, lockedCount)))
    if (load > limit) say(`carries ${load} of dimension ${dimension}, may carry ${limit}`)
    if (route.load[dimension] !== load)
      say(`load ${dimension} is ${route.load[dimension]}, should be ${load}`)
  })
}

/** Follows the stated times from leg to leg. Returns the length of the route in meters. */
function checkTimes(
  problem: Problem,
  vehicle: Vehicle,
  visits: readonly Stop[],
  route: Route,
  say: (text: string) => void,
): number {
  const lockedCount = (vehicle.lockedStops ?? []).length
  let meters = 0
  let clock = route.startSeconds
  let location = vehicle.startLocation
  visits.forEach((stop, index) => {
    const stated = route.stops[index]!
    const leg = legBetween(problem, vehicle, location, stop.location)
    const arrival = clock + leg.seconds
    const ready = arrival + (location === stop.location ? 0 : (stop.setupSeconds ?? 0))
    const begin = stated.startServiceSeconds
    meters += leg.meters
    if (stated.arrivalSeconds !== arrival)
      say(`arrives at ${stop.id} at ${arrival}, not ${stated.arrivalSeconds}`)
    if (begin < ready) say(`starts serving ${stop.id} at ${begin}, is not ready before ${ready}`)
    if (stated.waitingSeconds !== begin - ready) say(`waits ${begin - ready} s at ${stop.id}`)
    if (stated.departureSeconds !== begin + stop.serviceSeconds) say(`departs wrongly from ${stop.id}`)
    const isLate = index < lockedCount && begin > stop.timeWindows.at(-1)![1]
    if (!isLate && !stop.timeWindows.some((window) => contains(window, begin))) {
      say(`starts serving ${stop.id} at ${begin}, outside its windows`)
    }
    clock = stated.departureSeconds
    location = stop.location
  })
  const wayBack = legBetween(problem, vehicle, location, vehicle.endLocation)
  const end = clock + wayBack.seconds
  if (route.endSeconds !== end) say(`ends at ${end}, not ${route.endSeconds}`)
  if (route.durationSeconds !== route.endSeconds - route.startSeconds) say('duration is not end less start')
  if (route.startSeconds < vehicle.shift[0]) say(`starts before its shift at ${vehicle.shift[0]}`)
  const shiftEnd = Math.max(vehicle.shift[1], endOfLockedRoute(problem, vehicle))
  if (end > shiftEnd) say(`ends at ${end}, after its shift at ${shiftEnd}`)
  return meters + wayBack.meters
}

/** When the vehicle would be done with its locked stops alone, at the earliest. */
function endOfLockedRoute(problem: Problem, vehicle: Vehicle): number {
  let clock = vehicle.shift[0]
  let location = vehicle.startLocation
  for (const id of vehicle.lockedStops ?? []) {
    const stop = problem.stops.find((candidate) => candidate.id === id)
    if (!stop) return clock
    clock += legBetween(problem, vehicle, location, stop.location).seconds
    clock += location === stop.location ? 0 : (stop.setupSeconds ?? 0)
    clock = (nextStart(stop, clock) ?? clock) + stop.serviceSeconds
    location = stop.location
  }
  return clock + legBetween(problem, vehicle, location, vehicle.endLocation).seconds
}

/** The reason that a stop left out should carry; see `UnassignedReason` for what each means. */
function reasonOf(problem: Problem, stop: Stop): UnassignedReason {
  let vehicles = problem.vehicles.filter(({ id }) => !stop.vehicleIds || stop.vehicleIds.includes(id))
  if (vehicles.length === 0) return 'no_vehicle'
  vehicles = vehicles.filter(({ skills = [] }) =>
    (stop.skills ?? []).every((skill) => skills.includes(skill)),
  )
  if (vehicles.length === 0) return 'skills'
  vehicles = vehicles.filter(({ capacity }) => capacity.every((limit, d) => stop.demand[d]! <= limit))
  if (vehicles.length === 0) return 'capacity'
  let reason: UnassignedReason = 'time_window'
  for (const vehicle of vehicles) {
    const setup = vehicle.startLocation === stop.location ? 0 : (stop.setupSeconds ?? 0)
    const wayThere = legBetween(problem, vehicle, vehicle.startLocation, stop.location)
    const begin = nextStart(stop, vehicle.shift[0] + wayThere.seconds + setup)
    if (begin === undefined) continue
    const wayBack = legBetween(problem, vehicle, stop.location, vehicle.endLocation)
    if (begin + stop.serviceSeconds + wayBack.seconds <= vehicle.shift[1]) return 'fleet_full'
    reason = 'shift'
  }
  return reason
}

function nextStart(stop: Stop, ready: number): number | undefined {
  const window = stop.timeWindows.find(([, end]) => end >= ready)
  return window && Math.max(ready, window[0])
}

function legBetween(problem: Problem, vehicle: Vehicle, from: number | null, to: number | null) {
  if (from === null || to === null) return { seconds: 0, meters: 0 }
  const cell = from * problem.locationCount + to
  const seconds = Math.round(problem.durationsSeconds[cell]! / (vehicle.speedFactor ?? 1))
  return { seconds, meters: problem.distancesMeters[cell]! }
}

function contains([start, end]: TimeSpan, moment: number): boolean {
  return start <= moment && moment <= end
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0)
}

/** Sums of floating-point prices depend on their order in the last digits. */
function isSameCost(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))
}
