import type { Reader } from './faults.ts'
import {
  MAX_BREAKS,
  MAX_DIMENSIONS,
  MAX_ID,
  MAX_MOMENT,
  MAX_PRICE,
  MAX_SECONDS,
  MAX_TASKS,
  MAX_TEXT,
  MAX_VEHICLES,
} from './limits.ts'
import type { Places, ReadMatrices } from './read-places.ts'
import { readAmounts, readSkills, readText, readWindow, readWindows } from './read-tasks.ts'
import type { Costs, GivenStep, Pause, Place, StepType, Task, Vehicle } from './request.ts'

const VEHICLE_FIELDS = [
  'id',
  'profile',
  'description',
  'start',
  'start_index',
  'end',
  'end_index',
  'capacity',
  'costs',
  'skills',
  'type',
  'time_window',
  'breaks',
  'speed_factor',
  'max_tasks',
  'max_travel_time',
  'max_distance',
  'steps',
]
const BREAK_FIELDS = ['id', 'description', 'time_windows', 'service', 'max_load']
const STEP_FIELDS = ['type', 'id', 'service_at', 'service_after', 'service_before']
const STEP_TYPES: readonly StepType[] = ['start', 'job', 'pickup', 'delivery', 'break', 'end']

type Members = Record<string, unknown>
type Given = { places: Places; matrices: ReadMatrices | null; dimensions: number }

/** How many dimensions amounts have: as many as the capacity of the first vehicle. */
export function readDimensions(body: Members): number {
  const first: unknown = Array.isArray(body.vehicles) ? body.vehicles[0] : undefined
  const capacity = (first as { capacity?: unknown } | null | undefined)?.capacity
  return Array.isArray(capacity) ? Math.min(capacity.length, MAX_DIMENSIONS) : 0
}

export function readVehicles(reader: Reader, body: Members, given: Given): Vehicle[] {
  const vehicles = reader.list(body.vehicles, 'vehicles', MAX_VEHICLES, (item, path) =>
    readVehicle(reader, item, path, given),
  )
  if (Array.isArray(body.vehicles) && body.vehicles.length === 0)
    reader.report('vehicles', 'must hold at least one vehicle')
  reportTwins(reader, vehicles)
  return vehicles
}

function readVehicle(reader: Reader, item: unknown, path: string, given: Given): Vehicle {
  const members = reader.object(item, path, VEHICLE_FIELDS)
  const limit = (name: string, most: number) =>
    members[name] === undefined ? null : reader.integer(members[name], `${path}.${name}`, 0, most)
  const description = readText(reader, members.description, `${path}.description`)
  const costs = readCosts(reader, members.costs, `${path}.costs`)
  const vehicle: Vehicle = {
    id: reader.integer(members.id, `${path}.id`, 0, MAX_ID),
    path,
    profile: readText(reader, members.profile, `${path}.profile`) ?? 'car',
    ...(description !== undefined && { description }),
    start: readEnd(members, path, 'start', given.places),
    end: readEnd(members, path, 'end', given.places),
    capacity: readAmounts(reader, members.capacity, `${path}.capacity`, given.dimensions),
    costs,
    skills: readSkills(reader, members.skills, `${path}.skills`),
    type: members.type === undefined ? undefined : reader.text(members.type, `${path}.type`, MAX_TEXT),
    window:
      members.time_window === undefined
        ? null
        : readWindow(reader, members.time_window, `${path}.time_window`),
    breaks: readBreaks(reader, members.breaks, `${path}.breaks`, given.dimensions),
    speedFactor: readSpeedFactor(reader, members.speed_factor, `${path}.speed_factor`),
    maxTasks: limit('max_tasks', MAX_TASKS * 1_000),
    maxTravelTime: limit('max_travel_time', MAX_MOMENT),
    maxDistance: limit('max_distance', MAX_MOMENT),
    steps: null,
  }
  if (vehicle.start === null && vehicle.end === null)
    reader.report(path, 'must have a start or an end (start_index or end_index beside matrices)')
  checkProfile(reader, vehicle, members, given)
  return vehicle
}

function readEnd(members: Members, path: string, name: 'start' | 'end', places: Places): Place | null {
  const isGiven = members[name] !== undefined || members[`${name}_index`] !== undefined
  return isGiven ? places.read(members, path, name, `${name}_index`) : null
}

/** Whether there are the matrices that a vehicle's costs and limits need. */
function checkProfile(reader: Reader, vehicle: Vehicle, members: Members, { matrices: all }: Given): void {
  const { path, profile, costs, maxDistance } = vehicle
  if (all === null) {
    if (profile !== 'car')
      reader.report(
        `${path}.profile`,
        `is "${profile}": without matrices there are travel times for "car" only`,
      )
    return
  }
  const matrices = all.byProfile.get(profile)
  if (matrices === undefined) {
    reader.report(`${path}.profile`, `is "${profile}", for which matrices holds nothing`)
    return
  }
  if (matrices.distances === null) {
    const why = 'needs distances in the matrices of the profile'
    if (costs.perKm > 0) reader.report(`${path}.costs.per_km`, why)
    if (maxDistance !== null) reader.report(`${path}.max_distance`, why)
  }
  if (matrices.costs !== null) {
    const why = 'must not be given beside a matrix of costs, which holds all costs of driving'
    const costsGiven = (members.costs ?? {}) as Members
    for (const name of ['per_hour', 'per_km'])
      if (costsGiven[name] !== undefined) reader.report(`${path}.costs.${name}`, why)
  }
}

function readCosts(reader: Reader, value: unknown, path: string): Costs {
  const members =
    value === undefined ? {} : reader.object(value, path, ['fixed', 'per_hour', 'per_task_hour', 'per_km'])
  const price = (name: string, otherwise: number) =>
    members[name] === undefined ? otherwise : reader.integer(members[name], `${path}.${name}`, 0, MAX_PRICE)
  return {
    fixed: price('fixed', 0),
    perHour: price('per_hour', 3_600),
    perTaskHour: price('per_task_hour', 0),
    perKm: price('per_km', 0),
  }
}

/** VROOM looks at two digits after the decimal point. */
function readSpeedFactor(reader: Reader, value: unknown, path: string): number {
  if (value === undefined) return 1
  return Math.round(reader.number(value, path, 0.01, 5) * 100) / 100
}

function readBreaks(reader: Reader, value: unknown, path: string, dimensions: number): Pause[] {
  if (value === undefined) return []
  const breaks = reader.list(value, path, MAX_BREAKS, (item, at): Pause => {
    const members = reader.object(item, at, BREAK_FIELDS)
    const description = readText(reader, members.description, `${at}.description`)
    return {
      id: reader.integer(members.id, `${at}.id`, 0, MAX_ID),
      ...(description !== undefined && { description }),
      service:
        members.service === undefined ? 0 : reader.integer(members.service, `${at}.service`, 0, MAX_SECONDS),
      windows: readWindows(reader, members.time_windows, `${at}.time_windows`),
      maxLoad:
        members.max_load === undefined
          ? null
          : readAmounts(reader, members.max_load, `${at}.max_load`, dimensions),
      path: at,
    }
  })
  reportTwins(reader, breaks)
  // A vehicle takes its breaks in the order of time.
  return breaks.toSorted((a, b) => (a.windows?.[0]?.[0] ?? 0) - (b.windows?.[0]?.[0] ?? 0))
}

function reportTwins(reader: Reader, items: readonly { id: number; path: string }[]): void {
  const seen = new Map<number, string>()
  for (const { id, path } of items) {
    const other = seen.get(id)
    if (other === undefined) seen.set(id, path)
    else reader.report(`${path}.id`, `${id} is also the id of ${other}`)
  }
}

/** The routes that the request gives, with their tasks looked up. */
export function readSteps(
  reader: Reader,
  body: Members,
  vehicles: readonly Vehicle[],
  tasks: readonly Task[],
): Vehicle[] {
  const byKey = new Map(tasks.map((task) => [task.key, task]))
  const usedAt = new Map<Task, string>()
  return vehicles.map((vehicle, index) => {
    const value = (body.vehicles as Members[])[index]?.steps
    if (value === undefined) return vehicle
    const path = `${vehicle.path}.steps`
    const steps = reader.list(value, path, MAX_TASKS + MAX_BREAKS + 2, (item, at) =>
      readStep(reader, item, at, vehicle, byKey),
    )
    steps.forEach((step, position) => {
      if (step.type === 'start' && position > 0) reader.report(step.path, 'a start must be the first step')
      if (step.type === 'end' && position < steps.length - 1)
        reader.report(step.path, 'an end must be the last step')
      const twin = steps.findIndex((other) => step.pause !== null && other.pause === step.pause)
      if (step.pause !== null && twin < position) reader.report(step.path, 'the break is already taken')
      if (step.task === null) return
      const other = usedAt.get(step.task)
      if (other === undefined) usedAt.set(step.task, step.path)
      else reader.report(step.path, `${step.task.key} is already served by ${other}`)
    })
    return { ...vehicle, steps }
  })
}

function readStep(
  reader: Reader,
  item: unknown,
  path: string,
  vehicle: Vehicle,
  tasks: ReadonlyMap<string, Task>,
): GivenStep {
  const members = reader.object(item, path, STEP_FIELDS)
  const moment = (name: string) =>
    members[name] === undefined ? null : reader.integer(members[name], `${path}.${name}`, 0, MAX_MOMENT)
  const type = reader.choice(members.type, `${path}.type`, STEP_TYPES)
  const isEnd = type === 'start' || type === 'end'
  const id = isEnd ? 0 : reader.integer(members.id, `${path}.id`, 0, MAX_ID)
  const task = isEnd || type === 'break' ? null : (tasks.get(`${type} ${id}`) ?? null)
  const pause = type === 'break' ? (vehicle.breaks.find((each) => each.id === id) ?? null) : null
  if (!isEnd && task === null && pause === null) {
    const where = type === 'break' ? 'this vehicle has no break' : `there is no ${type}`
    reader.report(`${path}.id`, `${where} with the id ${id}`)
  }
  return {
    type,
    task,
    pause,
    serviceAt: moment('service_at'),
    serviceAfter: moment('service_after'),
    serviceBefore: moment('service_before'),
    path,
  }
}
