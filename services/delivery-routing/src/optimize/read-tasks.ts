import type { Reader } from './faults.ts'
import {
  MAX_AMOUNT,
  MAX_DIMENSIONS,
  MAX_ID,
  MAX_MOMENT,
  MAX_SECONDS,
  MAX_SKILLS,
  MAX_TASKS,
  MAX_TEXT,
  MAX_TYPES,
  MAX_WINDOWS,
} from './limits.ts'
import type { Places } from './read-places.ts'
import type { Task, TaskKind, Window } from './request.ts'

const STEP_FIELDS = [
  'id',
  'description',
  'location',
  'location_index',
  'setup',
  'service',
  'setup_per_type',
  'service_per_type',
  'time_windows',
]
const JOB_FIELDS = [...STEP_FIELDS, 'amount', 'delivery', 'pickup', 'skills', 'priority']
const SHIPMENT_FIELDS = ['pickup', 'delivery', 'amount', 'skills', 'priority']

type Members = Record<string, unknown>
type Shared = Pick<Task, 'delivery' | 'pickup' | 'skills' | 'priority' | 'partner'>

/** Jobs and both halves of shipments, in the order of the request. */
export function readTasks(reader: Reader, body: Members, places: Places, dimensions: number): Task[] {
  if (body.jobs === undefined && body.shipments === undefined)
    reader.report('jobs', 'is missing, and so is shipments: one of them must be given')
  const jobs = reader.list(body.jobs === undefined ? [] : body.jobs, 'jobs', MAX_TASKS, (item, path) =>
    readJob(reader, item, path, places, dimensions),
  )
  const most = Math.floor((MAX_TASKS - jobs.length) / 2)
  const shipments = reader.list(
    body.shipments === undefined ? [] : body.shipments,
    'shipments',
    most,
    (item, path) => readShipment(reader, item, path, places, dimensions),
  )
  const tasks = [...jobs, ...shipments.flat()]
  const seen = new Map<string, Task>()
  for (const task of tasks) {
    const other = seen.get(task.key)
    if (other === undefined) seen.set(task.key, task)
    else reader.report(`${task.path}.id`, `${task.id} is also the id of ${other.path}`)
  }
  return tasks
}

function readJob(reader: Reader, item: unknown, path: string, places: Places, dimensions: number): Task {
  const job = reader.object(item, path, JOB_FIELDS)
  if (job.amount !== undefined && job.delivery !== undefined)
    reader.report(`${path}.amount`, 'must not be given beside delivery, whose old name it is')
  const delivery = job.amount === undefined ? 'delivery' : 'amount'
  return readTask(reader, job, path, 'job', places, {
    delivery: readAmounts(reader, job[delivery], `${path}.${delivery}`, dimensions),
    pickup: readAmounts(reader, job.pickup, `${path}.pickup`, dimensions),
    ...readSelection(reader, job, path),
    partner: null,
  })
}

function readShipment(reader: Reader, item: unknown, path: string, places: Places, dimensions: number) {
  const shipment = reader.object(item, path, SHIPMENT_FIELDS)
  const amount = readAmounts(reader, shipment.amount, `${path}.amount`, dimensions)
  const shared = { delivery: amount, pickup: amount, ...readSelection(reader, shipment, path), partner: null }
  const halves = (['pickup', 'delivery'] as const).map((kind) => {
    if (shipment[kind] === undefined) {
      reader.report(`${path}.${kind}`, 'is missing: a shipment has a pickup and a delivery')
      return null
    }
    const step = reader.object(shipment[kind], `${path}.${kind}`, STEP_FIELDS)
    return readTask(reader, step, `${path}.${kind}`, kind, places, shared)
  })
  const [pickup, delivery] = halves
  if (!pickup || !delivery) return []
  return [
    { ...pickup, partner: delivery.key },
    { ...delivery, partner: pickup.key },
  ]
}

function readTask(
  reader: Reader,
  members: Members,
  path: string,
  kind: TaskKind,
  places: Places,
  shared: Shared,
): Task {
  const seconds = (name: string) =>
    members[name] === undefined ? 0 : reader.integer(members[name], `${path}.${name}`, 0, MAX_SECONDS)
  const id = reader.integer(members.id, `${path}.id`, 0, MAX_ID)
  const description = readText(reader, members.description, `${path}.description`)
  return {
    kind,
    id,
    key: `${kind} ${id}`,
    path,
    ...(description !== undefined && { description }),
    place: places.read(members, path, 'location', 'location_index'),
    setup: seconds('setup'),
    service: seconds('service'),
    setupPerType: readPerType(reader, members.setup_per_type, `${path}.setup_per_type`),
    servicePerType: readPerType(reader, members.service_per_type, `${path}.service_per_type`),
    windows: readWindows(reader, members.time_windows, `${path}.time_windows`),
    ...shared,
  }
}

function readSelection(reader: Reader, members: Members, path: string) {
  const priority =
    members.priority === undefined ? 0 : reader.integer(members.priority, `${path}.priority`, 0, 100)
  return { skills: readSkills(reader, members.skills, `${path}.skills`), priority }
}

export function readSkills(reader: Reader, value: unknown, path: string): number[] {
  if (value === undefined) return []
  return reader.list(value, path, MAX_SKILLS, (skill, at) => reader.integer(skill, at, 0, MAX_ID))
}

/** Absent: nothing of anything. */
export function readAmounts(reader: Reader, value: unknown, path: string, dimensions: number): number[] {
  const nothing = Array.from({ length: dimensions }, () => 0)
  if (value === undefined) return nothing
  const amounts = reader.list(value, path, MAX_DIMENSIONS, (amount, at) =>
    reader.integer(amount, at, 0, MAX_AMOUNT),
  )
  if (amounts.length === dimensions) return amounts
  if (Array.isArray(value) && value.length <= MAX_DIMENSIONS)
    reader.report(
      path,
      `must have ${dimensions} entries like the capacity of the first vehicle, has ${amounts.length}`,
    )
  return nothing
}

export function readText(reader: Reader, value: unknown, path: string): string | undefined {
  return value === undefined ? undefined : reader.text(value, path, MAX_TEXT)
}

function readPerType(reader: Reader, value: unknown, path: string): Record<string, number> {
  if (value === undefined) return {}
  const entries = Object.entries(reader.record(value, path))
  if (entries.length > MAX_TYPES) {
    reader.report(path, `must name at most ${MAX_TYPES} types, names ${entries.length}`)
    return {}
  }
  return Object.fromEntries(
    entries.map(([type, seconds]) => [
      type,
      reader.integer(seconds, `${path}.${type.slice(0, MAX_TEXT)}`, 0, MAX_SECONDS),
    ]),
  )
}

/** Null where none are given: any time will do. */
export function readWindows(reader: Reader, value: unknown, path: string): Window[] | null {
  if (value === undefined) return null
  const windows = reader.list(value, path, MAX_WINDOWS, (window, at) => readWindow(reader, window, at))
  windows.forEach((window, index) => {
    const before = windows[index - 1]
    if (before !== undefined && window[0] <= before[1])
      reader.report(`${path}.${index}`, `must start after the window before it ends at ${before[1]}`)
  })
  return windows.length === 0 ? null : windows
}

export function readWindow(reader: Reader, value: unknown, path: string): Window {
  if (!Array.isArray(value) || value.length !== 2) {
    reader.report(path, 'must be an array of two moments: start and end')
    return [0, 0]
  }
  const start = reader.integer(value[0], `${path}.0`, 0, MAX_MOMENT)
  const end = reader.integer(value[1], `${path}.1`, 0, MAX_MOMENT)
  if (end < start && Number.isInteger(value[1]))
    reader.report(path, `ends at ${end}, before it starts at ${start}`)
  return [start, end]
}
