import { expect, test } from 'vitest'
import { carryOut, carryOutInThreads } from './carry-out.ts'
import { readRequest } from './read-request.ts'

function solved(body: object) {
  const request = readRequest(body)
  const prepared = { ...request, matrices: request.matrices! }
  return carryOut(prepared, {
    timeLimitMs: 5_000,
    now: () => performance.now(),
    onImprovement: () => undefined,
  })
}

const places = [...Array(40).keys()]
const car = { durations: places.map((a) => places.map((b) => 10 * Math.abs(a - b))) }
const depot = { start_index: 0, end_index: 0 }

test('where tasks share a place, a setup lies inside of the window, as VROOM counts it', () => {
  const { routes } = solved({
    jobs: [
      { id: 1, location_index: 9, setup: 10, time_windows: [[100, 110]], priority: 100 },
      { id: 2, location_index: 15, time_windows: [[170, 180]], priority: 100 },
      { id: 3, location_index: 9, setup: 10 },
    ],
    vehicles: [{ id: 1, ...depot, time_window: [0, 500], max_tasks: 2 }],
    matrices: { car },
    options: { maxIterations: 50 },
  })
  // Begun at 100, set up at 110, and sixty seconds from there.
  expect(routes[0]?.steps.map(({ type, id, arrival }) => [type, id, arrival])).toEqual([
    ['start', undefined, 10],
    ['job', 1, 100],
    ['job', 2, 170],
    ['end', undefined, 320],
  ])
})

test('the first of several tasks at a place is not begun before its window', () => {
  const jobs = [
    { id: 1, location_index: 9, setup: 10, time_windows: [[100, 115]], priority: 100 },
    { id: 2, location_index: 15, time_windows: [[165, 165]], priority: 50 },
    { id: 3, location_index: 9, setup: 10 },
  ]
  const vehicles = [{ id: 1, ...depot, time_window: [0, 1_000], max_tasks: 2 }]
  const { routes, unassigned } = solved({
    jobs,
    vehicles,
    matrices: { car },
    options: { maxIterations: 100 },
  })
  // The first and the second do not go together: the way takes sixty seconds from 110 on.
  expect(routes[0]?.steps.filter(({ type }) => type === 'job')).toHaveLength(2)
  expect(unassigned).toMatchObject([{ id: 2 }])
})

test('steps that are better than what the search finds are the answer', () => {
  const jobs = places.slice(1).map((id) => ({ id, location_index: (id * 17) % 40, service: (id * 7) % 11 }))
  const vehicles = [1, 2, 3].map((id) => ({ id, ...depot, max_tasks: 13, costs: { fixed: 5 } }))
  const scattered = {
    durations: places.map((a) =>
      places.map((b) =>
        Math.round(Math.hypot(((a * 37) % 41) - ((b * 37) % 41), ((a * 11) % 29) - ((b * 11) % 29))),
      ),
    ),
  }
  const body = { jobs, vehicles, matrices: { car: scattered } }
  const costOf = ({ routes }: ReturnType<typeof solved>) => routes.reduce((sum, { cost }) => sum + cost, 0)
  const good = solved({ ...body, options: { maxIterations: 20_000 } })
  const poor = solved({ ...body, options: { maxIterations: 1, seed: 9 } })
  expect(costOf(poor)).toBeGreaterThan(costOf(good))
  const given = vehicles.map((vehicle) => {
    const route = good.routes.find((each) => each.vehicle === vehicle.id)
    return {
      ...vehicle,
      steps: route?.steps.map(({ type, id }) => ({ type, ...(id !== undefined && { id }) })) ?? [],
    }
  })
  const answer = solved({ ...body, vehicles: given, options: { maxIterations: 1, seed: 9 } })
  expect(costOf(answer)).toBe(costOf(good))
})

test('a vehicle without working hours is there on the day of the windows, whenever that is', () => {
  const day = 1_750_000_000
  const { routes, unassigned } = solved({
    jobs: [
      { id: 1, location_index: 2, time_windows: [[day, day + 60]] },
      { id: 2, location_index: 3 },
    ],
    vehicles: [{ id: 1, ...depot }],
    matrices: { car },
    options: { maxIterations: 20 },
  })
  expect(unassigned).toEqual([])
  expect(routes[0]?.steps[0]?.arrival).toBeGreaterThan(day - 3_600)
})

test('several threads carry out a request together, and end when told to', async () => {
  const jobs = Array.from({ length: 60 }, (_, id) => ({ id, location_index: (id * 17) % 40 }))
  const vehicles = [1, 2, 3].map((id) => ({ id, ...depot, max_tasks: 25 }))
  const request = readRequest({ jobs, vehicles, matrices: { car }, options: { timeLimitMs: 60_000 } })
  const stop = new SharedArrayBuffer(4)
  const told: number[] = []
  const outcome = await carryOutInThreads(
    { ...request, matrices: request.matrices! },
    {
      timeLimitMs: 60_000,
      // Threads of a team have clocks of their own.
      now: () => Number.POSITIVE_INFINITY,
      onImprovement: (cost) => {
        told.push(cost)
        Atomics.store(new Int32Array(stop), 0, 1)
      },
    },
    { threads: 2, stop },
  )
  expect(told.length).toBeGreaterThan(0)
  expect(outcome.unassigned).toEqual([])
  expect(outcome.routes.flatMap(({ steps }) => steps.filter(({ type }) => type === 'job'))).toHaveLength(60)
})
