import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { carryOut } from './carry-out.ts'
import { InvalidRequestError } from './faults.ts'
import { readRequest } from './read-request.ts'

type Body = Record<string, unknown>

const line = (scale: number) => [0, 1, 2, 3].map((a) => [0, 1, 2, 3].map((b) => scale * Math.abs(a - b)))
const car = { durations: line(10), distances: line(100) }
const truck = { durations: line(20), distances: line(150) }
const priced = { durations: line(10), costs: line(7) }
const job = (members: Body = {}) => ({ id: 1, location_index: 1, ...members })
const van = (members: Body = {}) => ({ id: 1, start_index: 0, end_index: 0, ...members })
const half = (id: number, members: Body = {}) => ({ id, location_index: id, ...members })

/** A problem of one job and one vehicle with something added. */
const body = (members: Body = {}) => ({ jobs: [job()], vehicles: [van()], matrices: { car }, ...members })
const withJob = (members: Body) =>
  body({ jobs: [job({ delivery: [1], ...members })], vehicles: [van({ capacity: [5] })] })
const withVan = (members: Body) => body({ vehicles: [van(members)] })
const withHalf = (members: Body) => withShipment({}, members)
const withShipment = (members: Body, ofHalves: Body = {}) =>
  body({
    shipments: [{ pickup: half(1, ofHalves), delivery: half(2, ofHalves), amount: [1], ...members }],
    vehicles: [van({ capacity: [5], skills: [3] })],
  })
const withBreak = (members: Body, ofVan: Body = {}) =>
  withVan({ time_window: [0, 1_000], breaks: [{ id: 1, time_windows: [[0, 500]], ...members }], ...ofVan })
const withSteps = (members: Body) =>
  withVan({ steps: [{ type: 'start' }, { type: 'job', id: 1, ...members }, { type: 'end' }] })
const withTwo = (first: Body, second: Body, matrices: Body = { car, truck }) =>
  body({ vehicles: [van(first), van({ ...second, id: 2 })], matrices })

/** By field of VROOM's description: a problem that has it, and the path of the fault where it is refused. */
const FIELDS: Record<string, readonly [problem: Body, refusedAt?: string]> = {
  jobs: [body()],
  'jobs.id': [body()],
  'jobs.description': [withJob({ description: 'Fern' })],
  'jobs.location': [withJob({ location: [6.9, 50.9] })],
  'jobs.location_index': [withJob({ location_index: 2 })],
  'jobs.setup': [withJob({ setup: 5 })],
  'jobs.service': [withJob({ service: 5 })],
  'jobs.setup_per_type': [withJob({ setup_per_type: { bike: 3 } })],
  'jobs.service_per_type': [withJob({ service_per_type: { bike: 3 } })],
  'jobs.delivery': [withJob({ delivery: [2] })],
  'jobs.pickup': [withJob({ pickup: [2] })],
  'jobs.skills': [body({ jobs: [job({ skills: [3] })], vehicles: [van({ skills: [3] })] })],
  'jobs.priority': [withJob({ priority: 10 })],
  'jobs.time_windows': [
    withJob({
      time_windows: [
        [0, 50],
        [90, 100],
      ],
    }),
  ],
  shipments: [withShipment({})],
  'shipments.pickup': [withShipment({})],
  'shipments.delivery': [withShipment({})],
  'shipments.amount': [withShipment({ amount: [3] })],
  'shipments.skills': [withShipment({ skills: [3] })],
  'shipments.priority': [withShipment({ priority: 10 })],
  'shipments.pickup.description': [withHalf({ description: 'Fern' })],
  'shipments.pickup.location': [withHalf({ location: [6.9, 50.9] })],
  'shipments.pickup.setup': [withHalf({ setup: 5 })],
  'shipments.pickup.service': [withHalf({ service: 5 })],
  'shipments.pickup.setup_per_type': [withHalf({ setup_per_type: { bike: 3 } })],
  'shipments.pickup.service_per_type': [withHalf({ service_per_type: { bike: 3 } })],
  'shipments.pickup.time_windows': [withHalf({ time_windows: [[0, 500]] })],
  vehicles: [body()],
  'vehicles.id': [body()],
  'vehicles.profile': [withTwo({ profile: 'car' }, { profile: 'truck' })],
  'vehicles.description': [withVan({ description: 'Van' })],
  'vehicles.start': [withVan({ start: [6.9, 50.9] })],
  'vehicles.start_index': [withVan({ start_index: 3 })],
  'vehicles.end': [withVan({ end: [6.9, 50.9] })],
  'vehicles.end_index': [withVan({ end_index: 3 })],
  'vehicles.capacity': [withVan({ capacity: [] })],
  'vehicles.costs.fixed': [withVan({ costs: { fixed: 9 } })],
  'vehicles.costs.per_hour': [withVan({ costs: { per_hour: 7_200 } })],
  'vehicles.costs.per_km': [withVan({ costs: { per_km: 2 } })],
  'vehicles.costs.per_task_hour': [withTwo({ costs: { per_task_hour: 5 } }, { costs: { per_task_hour: 5 } })],
  'vehicles.costs.per_task_hour, different ones': [
    withTwo({ costs: { per_task_hour: 5 } }, { costs: { per_task_hour: 6 } }),
    'vehicles.1.costs.per_task_hour',
  ],
  'vehicles.skills': [withVan({ skills: [1] })],
  'vehicles.type': [withVan({ type: 'bike' })],
  'vehicles.time_window': [withVan({ time_window: [0, 900] })],
  'vehicles.breaks': [withBreak({})],
  'vehicles.breaks.time_windows': [
    withBreak({
      time_windows: [
        [0, 10],
        [50, 90],
      ],
    }),
  ],
  'vehicles.breaks.service': [withBreak({ service: 30 })],
  'vehicles.breaks.description': [withBreak({ description: 'Lunch' })],
  'vehicles.breaks.max_load': [withBreak({ max_load: [5] }, { capacity: [5] })],
  'vehicles.breaks.max_load, below the capacity': [
    { ...withBreak({ max_load: [4] }, { capacity: [5] }), jobs: [job({ delivery: [1] })] },
    'vehicles.0.breaks.0.max_load',
  ],
  'vehicles.speed_factor': [withVan({ speed_factor: 1.5 })],
  'vehicles.max_tasks': [withVan({ max_tasks: 4 })],
  'vehicles.max_travel_time': [withVan({ max_travel_time: 100 })],
  'vehicles.max_distance': [withVan({ max_distance: 1_000 })],
  'vehicles.max_distance, beside a matrix of costs': [
    withTwo(
      {},
      { profile: 'priced', max_distance: 1_000 },
      { car, priced: { ...priced, distances: line(3) } },
    ),
    'vehicles.1.max_distance',
  ],
  'vehicles.steps': [withSteps({})],
  'vehicles.steps.service_at': [withSteps({ service_at: 10 })],
  'vehicles.steps.service_after': [withSteps({ service_after: 10 })],
  'vehicles.steps.service_before': [withSteps({ service_before: 900 })],
  'matrices.durations': [body({ matrices: { car: { durations: line(10) } } })],
  'matrices.distances': [withVan({ costs: { per_km: 2 } })],
  'matrices.distances, different ones that are paid for or limited': [
    withTwo({ profile: 'car', costs: { per_km: 2 } }, { profile: 'truck', costs: { per_km: 3 } }),
    'vehicles.1.profile',
  ],
  'matrices.costs': [body({ matrices: { car: priced } })],
  'matrices.costs, different ones': [
    withTwo({ profile: 'car' }, { profile: 'truck' }, { car: priced, truck: { ...priced, costs: line(9) } }),
    'vehicles.1.profile',
  ],
}

function solved(problem: Body) {
  const request = readRequest({ options: { maxIterations: 20 }, ...structuredClone(problem) })
  const now = () => performance.now()
  const search = { timeLimitMs: 60_000, now, onImprovement: () => undefined }
  return carryOut({ ...request, matrices: request.matrices! }, search)
}

test.each(Object.entries(FIELDS))('%s', (_, [problem, refusedAt]) => {
  if (refusedAt === undefined) {
    const { routes, unassigned } = solved(problem)
    expect(unassigned).toEqual([])
    expect(routes.flatMap(({ violations }) => violations)).toEqual([])
    return
  }
  try {
    solved(problem)
    expect.fail('it was not refused')
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    expect(error.faults.map(({ path }) => path)).toEqual([refusedAt])
  }
})

test('the documentation says of each field whether it works', () => {
  const text = readFileSync(new URL('../../../../docs/optimizer.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| (`[^|]*) \| (works|refused)[^|]* \|/gm)]
  const told = rows.flatMap(([, fields, status]) => {
    const [list, ...condition] = fields!.split(', and ')
    const names = [...list!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
    return names.map((name) => [condition.length > 0 ? `${name}, ${condition.join()}` : name, status])
  })
  const tested = Object.entries(FIELDS).map(([field, [, refusedAt]]) => [
    field,
    refusedAt === undefined ? 'works' : 'refused',
  ])
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(tested))
})
