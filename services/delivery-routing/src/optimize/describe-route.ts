import type { Route, Step, Violation, ViolationCause } from './answer.ts'
import { deviationOf } from './choose-times.ts'
import { actionOf, legsOf } from './legs.ts'
import { encodePolyline } from './polyline.ts'
import type { Place, PreparedRequest, Task, Vehicle, Window } from './request.ts'
import type { TimedRoute, TimedStep } from './timed-route.ts'

/** What a vehicle has done up to a step. */
type Progress = {
  place: Place | null
  clock: number
  /** Driving that breaks have used up of the leg that they interrupt. */
  drivenOfLeg: number
  travel: number
  meters: number
  price: number
  setup: number
  service: number
  taskSeconds: number
  waiting: number
  priority: number
  tasks: number
  load: number[]
  delivery: number[]
  pickup: number[]
  onBoard: Set<string>
}

/**
 * Tells a timed route in VROOM's words and finds everything about it that breaks a constraint. All figures are made
 * here from the request, so that this is also the check of what the search found.
 */
export function describeRoute(request: PreparedRequest, { vehicle, steps }: TimedRoute): Route {
  const legs = legsOf(request, vehicle)
  const progress = beginningOf(vehicle, steps, request.dimensions)
  const nextPlaces = placesAhead(vehicle, steps)
  const told = steps.map((step, index): Step => {
    const to = nextPlaces[index]!
    drive(legs, progress, step, to)
    const arrival = Math.min(step.begin, progress.clock)
    const waiting = step.begin - arrival
    const { travel, meters } = progress
    const action = act(vehicle, progress, step)
    progress.waiting += waiting
    progress.clock = step.done
    return {
      type: step.task?.kind ?? (step.type as 'start' | 'break' | 'end'),
      ...placeOf(vehicle, step),
      ...idOf(step),
      setup: action.setup,
      service: action.service,
      waiting_time: waiting,
      ...(request.dimensions > 0 && { load: [...progress.load] }),
      arrival,
      duration: travel,
      violations: violationsAt(vehicle, progress, step, steps),
      ...(legs.meters !== null && { distance: meters }),
    }
  })
  const visible = told.filter(
    ({ type }) => (type !== 'start' || vehicle.start) && (type !== 'end' || vehicle.end),
  )
  return summarise(request, vehicle, progress, told, visible, legs.meters !== null)
}

function beginningOf(vehicle: Vehicle, steps: readonly TimedStep[], dimensions: number): Progress {
  const nothing = () => Array.from({ length: dimensions }, () => 0)
  const load = nothing()
  for (const { task } of steps)
    if (task?.kind === 'job') for (const [d, amount] of task.delivery.entries()) load[d]! += amount
  return {
    place: vehicle.start,
    clock: steps[0]!.begin,
    drivenOfLeg: 0,
    travel: 0,
    meters: 0,
    price: 0,
    setup: 0,
    service: 0,
    taskSeconds: 0,
    waiting: 0,
    priority: 0,
    tasks: 0,
    load,
    delivery: nothing(),
    pickup: nothing(),
    onBoard: new Set(),
  }
}

/** By step: where the leg leads on which the step lies. */
function placesAhead(vehicle: Vehicle, steps: readonly TimedStep[]): (Place | null)[] {
  let ahead = vehicle.end
  const places = steps.toReversed().map((step) => {
    if (step.task !== null) ahead = step.task.place
    return step.type === 'start' ? vehicle.start : ahead
  })
  return places.toReversed()
}

/** Moves the clock to the arrival at a step: all that is left of the leg, or as much as fits before a break. */
function drive(legs: ReturnType<typeof legsOf>, progress: Progress, step: TimedStep, to: Place | null): void {
  if (step.type === 'start') return
  const seconds = legs.seconds(progress.place, to)
  const left = seconds - progress.drivenOfLeg
  if (step.type === 'break') {
    const driven = Math.min(left, Math.max(0, step.begin - progress.clock))
    const share = (whole: number) =>
      seconds === 0
        ? 0
        : Math.round((whole * (progress.drivenOfLeg + driven)) / seconds) -
          Math.round((whole * progress.drivenOfLeg) / seconds)
    progress.meters += share(legs.meters?.(progress.place, to) ?? 0)
    progress.drivenOfLeg += driven
    progress.travel += driven
    progress.clock += driven
    return
  }
  const meters = legs.meters?.(progress.place, to) ?? 0
  progress.meters += seconds === 0 ? meters : meters - Math.round((meters * progress.drivenOfLeg) / seconds)
  progress.price += legs.price?.(progress.place, to) ?? 0
  progress.travel += left
  progress.clock += left
  progress.drivenOfLeg = 0
}

function act(vehicle: Vehicle, progress: Progress, { task, pause }: TimedStep) {
  if (pause !== null) {
    progress.service += pause.service
    return { setup: 0, service: pause.service }
  }
  if (task === null) return { setup: 0, service: 0 }
  const action = actionOf(task, vehicle, progress.place)
  progress.place = task.place
  progress.setup += action.setup
  progress.service += action.service
  progress.taskSeconds += action.seconds
  progress.priority += task.priority
  progress.tasks += 1
  handle(progress, task)
  return action
}

function handle({ load, delivery, pickup }: Progress, task: Task): void {
  const brings = task.kind !== 'pickup'
  const takes = task.kind !== 'delivery'
  for (let d = 0; d < load.length; d += 1) {
    if (brings) delivery[d]! += task.delivery[d]!
    if (takes) pickup[d]! += task.pickup[d]!
    load[d]! += (takes ? task.pickup[d]! : 0) - (brings ? task.delivery[d]! : 0)
  }
}

function violationsAt(
  vehicle: Vehicle,
  progress: Progress,
  { task, pause, begin }: TimedStep,
  steps: readonly TimedStep[],
): Violation[] {
  const causes: Violation[] = []
  const windows: readonly Window[] | null =
    task?.windows ??
    pause?.windows ??
    (task === null && pause === null && vehicle.window ? [vehicle.window] : null)
  const off = deviationOf(windows, begin)
  if (off < 0) causes.push({ cause: 'lead_time', duration: -off })
  if (off > 0) causes.push({ cause: 'delay', duration: off })
  const isOver = (limits: readonly number[]) => progress.load.some((amount, d) => amount > limits[d]!)
  if (isOver(vehicle.capacity)) causes.push({ cause: 'load' })
  if (pause?.maxLoad && isOver(pause.maxLoad)) causes.push({ cause: 'max_load' })
  if (task === null) return causes
  if (progress.tasks > (vehicle.maxTasks ?? progress.tasks)) causes.push({ cause: 'max_tasks' })
  if (!task.skills.every((skill) => vehicle.skills.includes(skill))) causes.push({ cause: 'skills' })
  if (breaksPrecedence(progress, task, steps)) causes.push({ cause: 'precedence' })
  return causes
}

/** A delivery without its pickup before it, or a pickup whose delivery does not follow. */
function breaksPrecedence({ onBoard }: Progress, task: Task, steps: readonly TimedStep[]): boolean {
  if (task.kind === 'delivery') return !onBoard.has(task.partner!)
  if (task.kind === 'job') return false
  onBoard.add(task.key)
  const own = steps.findIndex((step) => step.task === task)
  return !steps.slice(own).some((step) => step.task?.key === task.partner)
}

function summarise(
  request: PreparedRequest,
  vehicle: Vehicle,
  progress: Progress,
  told: readonly Step[],
  steps: Step[],
  hasMeters: boolean,
): Route {
  const { fixed, perHour, perKm, perTaskHour } = vehicle.costs
  const driving = request.matrices.get(vehicle.profile)!.costs
    ? progress.price
    : (perHour * progress.travel) / 3_600 + (perKm * progress.meters) / 1_000
  const causes: ViolationCause[] = []
  if (progress.travel > (vehicle.maxTravelTime ?? progress.travel)) causes.push('max_travel_time')
  if (progress.meters > (vehicle.maxDistance ?? progress.meters)) causes.push('max_distance')
  const taken = told.filter(({ type }) => type === 'break').length
  if (taken < vehicle.breaks.length) causes.push('missing_break')
  const isTask = ({ type }: Step) => type !== 'start' && type !== 'end' && type !== 'break'
  if (!told.some(isTask) && taken === 0) causes.length = 0
  const own = causes.map((cause): Violation => ({ cause }))
  return {
    vehicle: vehicle.id,
    cost: Math.round(fixed + driving + (perTaskHour * progress.taskSeconds) / 3_600),
    ...(request.dimensions > 0 && {
      delivery: progress.delivery,
      amount: progress.delivery,
      pickup: progress.pickup,
    }),
    setup: progress.setup,
    service: progress.service,
    duration: progress.travel,
    waiting_time: progress.waiting,
    priority: progress.priority,
    ...(hasMeters && { distance: progress.meters }),
    steps,
    violations: gather([...told.flatMap(({ violations }) => violations), ...own]),
    ...(vehicle.description !== undefined && { description: vehicle.description }),
    ...(request.options.geometry && {
      geometry: encodePolyline(steps.flatMap(({ location }) => (location ? [location] : []))),
    }),
  }
}

/** Each cause once, with the sum of its durations. */
export function gather(violations: readonly Violation[]): Violation[] {
  const sums = new Map<ViolationCause, Violation>()
  for (const { cause, duration } of violations) {
    const before = sums.get(cause)?.duration ?? 0
    sums.set(cause, { cause, ...(duration !== undefined && { duration: before + duration }) })
  }
  return [...sums.values()]
}

function placeOf(vehicle: Vehicle, { type, task }: TimedStep) {
  const place = task?.place ?? (type === 'start' ? vehicle.start : type === 'end' ? vehicle.end : null)
  return {
    ...(place?.location !== undefined && { location: place.location }),
    ...(place?.locationIndex !== undefined && { location_index: place.locationIndex }),
  }
}

function idOf({ task, pause }: TimedStep) {
  const { id, description } = task ?? pause ?? {}
  return {
    ...(id !== undefined && { id }),
    ...(task?.kind === 'job' && { job: task.id }),
    ...(description !== undefined && { description }),
  }
}
