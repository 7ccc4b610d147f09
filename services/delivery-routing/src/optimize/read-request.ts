import { Reader } from './faults.ts'
import { defaultTimeLimitMs, MAX_TIME_LIMIT_MS, MIN_TIME_LIMIT_MS } from './limits.ts'
import { Places, readMatrices } from './read-places.ts'
import { readTasks } from './read-tasks.ts'
import { readDimensions, readSteps, readVehicles } from './read-vehicles.ts'
import type { OptimizeRequest, Options } from './request.ts'

const BODY_FIELDS = ['jobs', 'shipments', 'vehicles', 'matrices', 'matrix', 'options']
const OPTION_FIELDS = ['timeLimitMs', 'maxIterations', 'seed', 'mode', 'c', 'g', 'l', 't', 'x']

/** Reads what `JSON.parse` gave. Throws `InvalidRequestError` with every fault. */
export function readRequest(value: unknown): OptimizeRequest {
  const reader = new Reader()
  const body = reader.object(value, '', BODY_FIELDS)
  const matrices = readMatrices(reader, body)
  const places = new Places(reader, matrices)
  const dimensions = readDimensions(body)
  const tasks = readTasks(reader, body, places, dimensions)
  const vehicles = readVehicles(reader, body, { places, matrices, dimensions })
  const options = readOptions(reader, body.options, tasks.length)
  const routed = reader.isGood ? readSteps(reader, body, vehicles, tasks) : vehicles
  reader.throwIfAny()
  return {
    tasks,
    vehicles: routed,
    dimensions,
    options,
    size: places.size,
    matrices: matrices?.byProfile ?? null,
    points: places.points,
  }
}

/** Ours, and those of VROOM's command line under their letters, as its HTTP wrapper takes them. */
function readOptions(reader: Reader, value: unknown, tasks: number): Options {
  const members = value === undefined ? {} : reader.object(value, 'options', OPTION_FIELDS)
  const integer = (name: string, least: number, most: number) =>
    members[name] === undefined ? undefined : reader.integer(members[name], `options.${name}`, least, most)
  const flag = (name: string) =>
    members[name] === undefined ? undefined : reader.flag(members[name], `options.${name}`)
  const mode =
    members.mode === undefined
      ? undefined
      : reader.choice(members.mode, 'options.mode', ['solve', 'plan'] as const)
  const choosesTimes = flag('c')
  if (mode !== undefined && choosesTimes !== undefined && choosesTimes !== (mode === 'plan'))
    reader.report('options.c', `contradicts options.mode, which is ${mode}`)
  if (members.timeLimitMs !== undefined && members.l !== undefined)
    reader.report('options.l', 'must not be given beside timeLimitMs')
  const seconds =
    members.l === undefined
      ? undefined
      : reader.number(members.l, 'options.l', MIN_TIME_LIMIT_MS / 1_000, MAX_TIME_LIMIT_MS / 1_000)
  // Threads and exploration level are accepted and mean nothing here: the time limit says how much is searched.
  integer('t', 1, 64)
  integer('x', 0, 5)
  return {
    mode: mode ?? (choosesTimes === true ? 'plan' : 'solve'),
    timeLimitMs:
      integer('timeLimitMs', MIN_TIME_LIMIT_MS, MAX_TIME_LIMIT_MS) ??
      (seconds === undefined ? defaultTimeLimitMs(tasks) : Math.round(seconds * 1_000)),
    maxIterations: integer('maxIterations', 1, 1_000_000_000),
    seed: integer('seed', 0, 2 ** 31 - 1) ?? 1,
    geometry: flag('g') ?? false,
  }
}
