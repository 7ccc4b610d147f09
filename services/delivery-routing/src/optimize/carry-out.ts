import { checkSolution } from '@urbanbloom/vrp/check'
import type { Solution } from '@urbanbloom/vrp/solution'
import { solve } from '@urbanbloom/vrp/solve'
import { solveInParallel } from '@urbanbloom/vrp/solve-in-parallel'
import type { OptimizeAnswer, Route, Unassigned } from './answer.ts'
import { chooseTimes } from './choose-times.ts'
import { describeRoute, gather } from './describe-route.ts'
import { InvalidRequestError } from './faults.ts'
import type { PreparedRequest, Task, Vehicle } from './request.ts'
import { timetableOf } from './timetable.ts'
import { type Translation, toProblem } from './to-problem.ts'

/** Thrown when an answer fails its own check: a defect of ours, never of the request. */
export class WrongAnswerError extends Error {
  override readonly name = 'WrongAnswerError'
}

export type Search = {
  /** How long to search at most, by `now`. */
  timeLimitMs: number
  now: () => number
  /** Told of the cost of each better plan. */
  onImprovement: (cost: number) => void
}

export type Outcome = { routes: Route[]; unassigned: Unassigned[]; solvingMs: number }

/** Carries out a request in its mode. The answer has passed an independent check. */
export function carryOut(request: PreparedRequest, search: Search): Outcome {
  return request.options.mode === 'plan' ? planGiven(request) : solveRequest(request, search)
}

/** Plan mode: the routes are given, their times are chosen, and what they violate is told. */
function planGiven(request: PreparedRequest): Outcome {
  const routes = request.vehicles
    .filter(({ steps }) => steps !== null && steps.some(({ task, pause }) => task !== null || pause !== null))
    .map((vehicle) => describeRoute(request, chooseTimes(request, vehicle, vehicle.steps!)))
  const served = new Set(request.vehicles.flatMap(({ steps }) => (steps ?? []).map(({ task }) => task)))
  const unassigned = request.tasks
    .filter((task) => !served.has(task))
    .map((task) => leftOut(task, 'not_in_steps', 'No vehicle has it among its steps.'))
  return { routes, unassigned, solvingMs: 0 }
}

/** Several threads gain nothing on fewer tasks, nor in less time: starting them takes a good part of 100 ms. */
const TEAM_TASKS = 50
const TEAM_TIME_LIMIT_MS = 1_000

/**
 * Carries out a request like `carryOut`, with so many threads that search together where that is worth it. With a limit of
 * iterations it is one, so that the answer is the same on any machine. `stop` ends the search once it holds 1.
 */
export async function carryOutInThreads(
  request: PreparedRequest,
  search: Search,
  { threads, stop }: { threads: number; stop: SharedArrayBuffer },
): Promise<Outcome> {
  const { mode, maxIterations, seed } = request.options
  const isWorthIt = search.timeLimitMs >= TEAM_TIME_LIMIT_MS && request.tasks.length >= TEAM_TASKS
  if (threads < 2 || !isWorthIt || mode === 'plan' || maxIterations !== undefined)
    return carryOut(request, search)
  const beginning = beginSolving(request)
  const solution = await solveInParallel(beginning.translation.problem, {
    threads,
    timeLimitMs: search.timeLimitMs,
    seed,
    stop,
    onImprovement: ({ cost }) => search.onImprovement(cost),
  })
  return finishSolving(request, beginning, solution)
}

function solveRequest(request: PreparedRequest, { timeLimitMs, now, onImprovement }: Search): Outcome {
  const beginning = beginSolving(request)
  const { maxIterations, seed } = request.options
  const solution = solve(beginning.translation.problem, {
    timeLimitMs,
    now,
    seed,
    ...(maxIterations !== undefined && { maxIterations }),
    onImprovement: ({ cost }) => onImprovement(cost),
  })
  return finishSolving(request, beginning, solution)
}

function beginSolving(request: PreparedRequest) {
  const translation = toProblem(request)
  return { translation, given: givenRoutes(request, translation), startedAt: performance.now() }
}

function finishSolving(
  request: PreparedRequest,
  { translation, given, startedAt }: ReturnType<typeof beginSolving>,
  solution: Solution,
): Outcome {
  const solvingMs = Math.round(performance.now() - startedAt)
  const wrong = checkSolution(translation.problem, solution)
  if (wrong.length > 0) throw new WrongAnswerError(wrong.slice(0, 5).join('; '))
  const found = describeSolution(request, translation, solution)
  return { ...better(request, found, given), solvingMs }
}

function describeSolution(request: PreparedRequest, { shifts }: Translation, solution: Solution) {
  const byKey = new Map(request.tasks.map((task) => [task.key, task]))
  const routes = solution.routes.map(({ vehicleId, stops }) => {
    const index = Number(vehicleId)
    const tasks = stops.map(({ id }) => byKey.get(id)!)
    return describeKept(request, request.vehicles[index]!, tasks, shifts[index]!)
  })
  routes.sort((a, b) => positionOf(request, a) - positionOf(request, b))
  const unassigned = solution.unassigned.map(({ id, reason, detail }) =>
    leftOut(byKey.get(id)!, reason, detail),
  )
  const all = routes.reduce((total, { steps }) => total + steps.filter(isTask).length, unassigned.length)
  if (all !== request.tasks.length)
    throw new WrongAnswerError(`${all} of ${request.tasks.length} tasks are accounted for`)
  return { routes, unassigned }
}

/** A route of the search, which must keep everything by VROOM's rules too. */
function describeKept(
  request: PreparedRequest,
  vehicle: Vehicle,
  tasks: readonly Task[],
  shift: readonly [number, number],
): Route {
  const timed = timetableOf(request, vehicle, tasks, shift)
  if (timed === null) throw new WrongAnswerError(`no timetable for vehicle ${vehicle.id}`)
  const route = describeRoute(request, timed)
  if (route.violations.length > 0) {
    const causes = route.violations.map(({ cause }) => cause).join(', ')
    throw new WrongAnswerError(`the route of vehicle ${vehicle.id} violates ${causes}`)
  }
  return route
}

/** The plan that the request gives to start from, or null. It must keep everything. */
function givenRoutes(request: PreparedRequest, { shifts }: Translation) {
  const served = new Set<Task>()
  const routes = request.vehicles.flatMap((vehicle, index) => {
    const tasks = (vehicle.steps ?? []).flatMap(({ task }) => (task === null ? [] : [task]))
    if (tasks.length === 0) return []
    for (const task of tasks) served.add(task)
    const timed = timetableOf(request, vehicle, tasks, shifts[index]!)
    const route = timed === null ? null : describeRoute(request, timed)
    if (route !== null && route.violations.length === 0) return [route]
    const causes =
      route?.violations.map(({ cause }) => cause).join(', ') ?? 'time windows, breaks or working hours'
    const message = `describe a route that does not keep everything: ${causes}`
    throw new InvalidRequestError([{ path: `${vehicle.path}.steps`, message }])
  })
  if (routes.length === 0) return null
  const absent = request.tasks.filter((task) => !served.has(task))
  return {
    routes,
    unassigned: absent.map((task) => leftOut(task, 'not_in_steps', 'The given routes leave it out.')),
  }
}

type Plan = Pick<Outcome, 'routes' | 'unassigned'>

/** A given plan is the least that the answer is worth. */
function better(request: PreparedRequest, found: Plan, given: Plan | null): Plan {
  if (given === null) return found
  const weightOf = ({ unassigned }: Plan) =>
    unassigned.reduce((total, { id, type }) => {
      const task = request.tasks.find((each) => each.id === id && each.kind === type)
      return total + 1 + (task?.priority ?? 0)
    }, 0)
  const costOf = ({ routes }: Plan) => routes.reduce((total, { cost }) => total + cost, 0)
  const gain = weightOf(found) - weightOf(given) || costOf(found) - costOf(given)
  return gain > 0 ? given : found
}

function leftOut(task: Task, reason: Unassigned['reason'], detail: string): Unassigned {
  const { id, kind, description, place } = task
  return {
    id,
    type: kind,
    ...(description !== undefined && { description }),
    ...(place.location !== undefined && { location: place.location }),
    ...(place.locationIndex !== undefined && { location_index: place.locationIndex }),
    reason,
    detail,
  }
}

function isTask({ type }: { type: string }): boolean {
  return type === 'job' || type === 'pickup' || type === 'delivery'
}

function positionOf({ vehicles }: PreparedRequest, { vehicle }: Route): number {
  return vehicles.findIndex(({ id }) => id === vehicle)
}

export type ComputingTimes = OptimizeAnswer['summary']['computing_times']

/** The whole answer, with its sums. */
export function toAnswer(request: PreparedRequest, plan: Plan, times: ComputingTimes): OptimizeAnswer {
  const { routes, unassigned } = plan
  const sum = (name: 'cost' | 'setup' | 'service' | 'duration' | 'waiting_time' | 'priority') =>
    routes.reduce((total, route) => total + route[name], 0)
  const amounts = (name: 'delivery' | 'pickup') =>
    Array.from({ length: request.dimensions }, (_, d) =>
      routes.reduce((total, route) => total + route[name]![d]!, 0),
    )
  const hasMeters = routes.every(({ distance }) => distance !== undefined)
  const delivery = amounts('delivery')
  return {
    code: 0,
    summary: {
      cost: sum('cost'),
      routes: routes.length,
      unassigned: unassigned.length,
      ...(request.dimensions > 0 && { delivery, amount: delivery, pickup: amounts('pickup') }),
      setup: sum('setup'),
      service: sum('service'),
      duration: sum('duration'),
      waiting_time: sum('waiting_time'),
      priority: sum('priority'),
      ...(hasMeters && { distance: routes.reduce((total, { distance = 0 }) => total + distance, 0) }),
      violations: gather(routes.flatMap(({ violations }) => violations)),
      computing_times: times,
    },
    routes,
    unassigned,
  }
}
