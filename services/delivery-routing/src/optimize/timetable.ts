import { actionOf, legsOf } from './legs.ts'
import type { Pause, PreparedRequest, Task, Vehicle, Window } from './request.ts'
import { firstStart, lastStart, type TimedRoute, type TimedStep } from './timed-route.ts'

/** One node of a route, with the leg that leads to it. */
type Node = { task: Task | null; travel: number; action: number; windows: readonly Window[] | null }

/** By layer (how many breaks are taken): when a node is done, and from which layer of the node before. */
type Layers = { done: number[]; from: number[] }

const NEVER = Number.POSITIVE_INFINITY

/**
 * Times a route that keeps every window and takes all breaks: it ends as early as it can, then leaves as late as
 * that allows. Breaks lie where they let it end first. Null where there is no such timetable. It shares nothing with
 * the search: it follows VROOM's rules, by which a window is for the start of the setup.
 */
export function timetableOf(
  request: PreparedRequest,
  vehicle: Vehicle,
  tasks: readonly Task[],
  shift: Window,
): TimedRoute | null {
  const nodes = nodesOf(request, vehicle, tasks)
  const onLeg = layBreaks(nodes, vehicle.breaks, shift)
  if (onLeg === null) return null
  const earliest = follow(nodes, onLeg, shift[0])
  const end = earliest.at(-1)!.begin
  if (end > shift[1]) return null
  const departure = latestDeparture(nodes, onLeg, end)
  return { vehicle, steps: follow(nodes, onLeg, Math.max(shift[0], departure)) }
}

function nodesOf(request: PreparedRequest, vehicle: Vehicle, tasks: readonly Task[]): Node[] {
  const { seconds } = legsOf(request, vehicle)
  let place = vehicle.start
  const nodes = tasks.map((task): Node => {
    const travel = seconds(place, task.place)
    const action = actionOf(task, vehicle, place).seconds
    place = task.place
    return { task, travel, action, windows: task.windows }
  })
  return [...nodes, { task: null, travel: seconds(place, vehicle.end), action: 0, windows: null }]
}

/** Which breaks to take on each leg, so that the route ends first. */
function layBreaks(nodes: readonly Node[], breaks: readonly Pause[], shift: Window): Pause[][] | null {
  const start: Layers = { done: breaks.map(() => NEVER), from: [] }
  start.done.unshift(shift[0])
  const reached = [start]
  for (const node of nodes) reached.push(reach(reached.at(-1)!, node, breaks))
  const onLeg: Pause[][] = []
  let layer = breaks.length
  if (reached.at(-1)!.done[layer] === NEVER) return null
  for (let index = nodes.length; index > 0; index -= 1) {
    const before = reached[index]!.from[layer]!
    onLeg.unshift(breaks.slice(before, layer))
    layer = before
  }
  return onLeg
}

function reach(before: Layers, node: Node, breaks: readonly Pause[]): Layers {
  const ready = before.done.map(() => NEVER)
  const from = before.done.map(() => 0)
  const arrive = (layer: number, moment: number, origin: number) => {
    if (moment >= ready[layer]!) return
    ready[layer] = moment
    from[layer] = origin
  }
  before.done.forEach((departure, layer) => {
    if (departure === NEVER) return
    let clock = departure
    let driving = node.travel
    arrive(layer, clock + driving, layer)
    for (let taken = layer; taken < breaks.length; taken += 1) {
      const pause = breaks[taken]!
      const begin = firstStart(pause.windows, clock)
      if (begin === null) return
      driving = Math.max(0, driving - (begin - clock))
      clock = begin + pause.service
      arrive(taken + 1, clock + driving, layer)
    }
  })
  const done = ready.map((moment) => {
    const begin = moment === NEVER ? null : firstStart(node.windows, moment)
    return begin === null ? NEVER : begin + node.action
  })
  return { done, from }
}

/** Everything as early as it can be for a vehicle that leaves at a moment, with its breaks on given legs. */
function follow(nodes: readonly Node[], onLeg: readonly Pause[][], departure: number): TimedStep[] {
  const steps: TimedStep[] = [{ type: 'start', task: null, pause: null, begin: departure, done: departure }]
  let clock = departure
  nodes.forEach((node, index) => {
    let driving = node.travel
    for (const pause of onLeg[index]!) {
      const begin = firstStart(pause.windows, clock) ?? clock
      driving = Math.max(0, driving - (begin - clock))
      clock = begin + pause.service
      steps.push({ type: 'break', task: null, pause, begin, done: clock })
    }
    const begin = firstStart(node.windows, clock + driving) ?? clock + driving
    clock = begin + node.action
    steps.push({
      type: node.task === null ? 'end' : 'task',
      task: node.task,
      pause: null,
      begin,
      done: clock,
    })
  })
  return steps
}

/** The latest departure from which the route still ends at `end`. */
function latestDeparture(nodes: readonly Node[], onLeg: readonly Pause[][], end: number): number {
  let limit = end
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const node = nodes[index]!
    limit = lastStart(node.windows, limit - node.action) ?? Number.NEGATIVE_INFINITY
    let driving = node.travel
    for (const pause of onLeg[index]!.toReversed()) {
      const begin = lastStart(pause.windows, limit - pause.service) ?? Number.NEGATIVE_INFINITY
      driving = Math.max(0, driving - (limit - begin - pause.service))
      limit = begin
    }
    limit -= driving
  }
  return limit
}
