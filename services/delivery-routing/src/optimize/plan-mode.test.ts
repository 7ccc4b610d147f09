import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carryOut } from './carry-out.ts'
import { chooseTimes } from './choose-times.ts'
import { InvalidRequestError } from './faults.ts'
import { readRequest } from './read-request.ts'
import type { PreparedRequest } from './request.ts'

/** Places on a line, ten seconds and a hundred meters from each other. */
const size = 6
const places = [...Array(size).keys()]
const rows = (step: number) => places.map((a) => places.map((b) => step * Math.abs(a - b)))
const matrices = { car: { durations: rows(10), distances: rows(100) } }

function planned(body: object): PreparedRequest {
  const request = readRequest({ matrices, options: { mode: 'plan' }, ...body })
  return { ...request, matrices: request.matrices! }
}

function plan(body: object) {
  const search = { timeLimitMs: 0, now: () => 0, onImprovement: () => undefined }
  return carryOut(planned(body), search)
}

const job = (id: number, rest: object = {}) => ({ id, location_index: id, ...rest })
const steps = (...ids: number[]) => ids.map((id) => ({ type: 'job', id }))
const van = (rest: object = {}) => ({ id: 1, start_index: 0, end_index: 0, ...rest })
const timesOf = (outcome: ReturnType<typeof plan>) =>
  outcome.routes[0]?.steps.map(({ type, arrival, waiting_time }) => [type, arrival, waiting_time])
const causesOf = (outcome: ReturnType<typeof plan>) =>
  outcome.routes[0]?.steps.map(({ violations }) => violations.map(({ cause }) => cause).join(' '))

describe('plan mode', () => {
  test('keeps the order, leaves late, and lists what no vehicle serves', () => {
    const outcome = plan({
      jobs: [job(1, { time_windows: [[100, 200]], service: 5 }), job(2), job(3)],
      vehicles: [van({ steps: [{ type: 'start' }, ...steps(2, 1), { type: 'end' }] }), van({ id: 2 })],
    })
    expect(timesOf(outcome)).toEqual([
      ['start', 70, 0],
      ['job', 90, 0],
      ['job', 100, 0],
      ['end', 115, 0],
    ])
    expect(outcome.routes).toMatchObject([{ duration: 40, distance: 400, violations: [] }])
    expect(outcome.unassigned).toMatchObject([{ id: 3, type: 'job', reason: 'not_in_steps' }])
  })

  test('shares earliness and lateness so that their sum is least', () => {
    const outcome = plan({
      jobs: [job(1, { time_windows: [[100, 100]] }), job(5, { time_windows: [[120, 120]] })],
      vehicles: [van({ steps: steps(1, 5) })],
    })
    const [, first, second] = outcome.routes[0]!.steps
    const off = [first, second].flatMap((step) => step!.violations)
    expect(off.reduce((sum, { duration = 0 }) => sum + duration, 0)).toBe(20)
    expect(outcome.routes[0]?.violations.reduce((sum, { duration = 0 }) => sum + duration, 0)).toBe(20)
  })

  test('reports every kind of violation where it happens', () => {
    const outcome = plan({
      jobs: [
        job(1, { delivery: [3], skills: [4] }),
        job(2, { pickup: [2] }),
        job(5, { time_windows: [[0, 10]] }),
      ],
      shipments: [{ pickup: { id: 1, location_index: 3 }, delivery: { id: 2, location_index: 4 } }],
      vehicles: [
        van({
          capacity: [2],
          max_tasks: 3,
          max_travel_time: 10,
          max_distance: 10,
          time_window: [0, 1_000],
          breaks: [{ id: 1, max_load: [1] }, { id: 2 }],
          steps: [
            ...steps(1, 2),
            { type: 'break', id: 1 },
            { type: 'delivery', id: 2 },
            { type: 'pickup', id: 1 },
            ...steps(5),
          ],
        }),
      ],
    })
    expect(causesOf(outcome)).toEqual([
      'load',
      'skills',
      '',
      'max_load',
      'precedence',
      'max_tasks precedence',
      'delay max_tasks',
      '',
    ])
    const causes = outcome.routes[0]!.violations.map(({ cause }) => cause)
    expect(causes.toSorted()).toEqual(
      [
        'delay',
        'load',
        'max_distance',
        'max_load',
        'max_tasks',
        'max_travel_time',
        'missing_break',
        'precedence',
        'skills',
      ].toSorted(),
    )
  })

  test('a break interrupts the way at its time', () => {
    const outcome = plan({
      jobs: [job(5)],
      vehicles: [
        van({
          time_window: [0, 200],
          breaks: [{ id: 3, service: 7, time_windows: [[20, 25]] }],
          steps: [{ type: 'break', id: 3 }, ...steps(5)],
        }),
      ],
    })
    expect(outcome.routes[0]?.violations).toEqual([])
    const [, pause, visit] = outcome.routes[0]!.steps
    expect(visit!.arrival - pause!.arrival - 7).toBe(50 - pause!.duration)
  })

  test('keeps what a step says of its time, or refuses', () => {
    const body = (bounds: object) => ({
      jobs: [job(1, { time_windows: [[0, 50]] }), job(2)],
      vehicles: [
        van({
          steps: [
            { type: 'job', id: 1, ...bounds },
            { type: 'job', id: 2, service_before: 200 },
          ],
        }),
      ],
    })
    expect(timesOf(plan(body({ service_at: 70 })))?.[1]).toEqual(['job', 70, 0])
    expect(causesOf(plan(body({ service_at: 70 })))?.[1]).toBe('delay')
    expect(timesOf(plan(body({ service_after: 30 })))?.[1]?.[1]).toBeGreaterThanOrEqual(30)
    expect(() => plan(body({ service_after: 195 }))).toThrow(InvalidRequestError)
  })

  test('refuses steps that name nothing, or something twice', () => {
    const faultsOf = (given: object[]) => {
      try {
        plan({ jobs: [job(1)], vehicles: [van({ steps: given })] })
        return []
      } catch (error) {
        return (error as InvalidRequestError).faults.map(({ path }) => path)
      }
    }
    expect(faultsOf([...steps(1, 1, 9), { type: 'start' }, { type: 'break', id: 1 }])).toEqual([
      'vehicles.0.steps.2.id',
      'vehicles.0.steps.4.id',
      'vehicles.0.steps.1',
      'vehicles.0.steps.3',
    ])
  })

  test('no other times violate less, tried out one by one', () => {
    const window = fc.tuple(fc.nat(14), fc.nat(4)).map(([start, length]) => [start, start + length])
    const windows = fc
      .tuple(window, fc.option(fc.nat(3), { nil: undefined }))
      .map(([first, gap]) =>
        gap === undefined ? [first] : [first, [first[1]! + 2 + gap, first[1]! + 3 + gap]],
      )
    const tasks = fc.array(fc.record({ place: fc.nat(2), service: fc.nat(2), windows }), {
      minLength: 1,
      maxLength: 3,
    })
    const near = places.map((a) => places.map((b) => Math.abs(a - b)))
    fc.assert(
      fc.property(tasks, (drafts) => {
        const request = planned({
          matrices: { car: { durations: near } },
          jobs: drafts.map(({ place, service, windows: at }, id) => ({
            id,
            location_index: place,
            service,
            time_windows: at,
          })),
          vehicles: [van({ steps: drafts.map((_, id) => ({ type: 'job', id })) })],
        })
        const [vehicle] = request.vehicles
        const { steps: timed } = chooseTimes(request, vehicle!, vehicle!.steps!)
        const costAt = (index: number, begin: number) =>
          Math.min(...drafts[index]!.windows.map(([start, end]) => Math.max(0, start! - begin, begin - end!)))
        const chosen = timed.filter(({ task }) => task !== null)
        const violation = chosen.reduce((sum, { begin }, index) => sum + costAt(index, begin), 0)
        const least = (index: number, ready: number, from: number): number => {
          const draft = drafts[index]
          if (draft === undefined) return 0
          const earliest = ready + Math.abs(from - draft.place)
          let best = Number.POSITIVE_INFINITY
          for (let begin = earliest; begin <= 40; begin += 1) {
            const rest = least(index + 1, begin + draft.service, draft.place)
            best = Math.min(best, costAt(index, begin) + rest)
          }
          return best
        }
        expect(violation).toBe(least(0, 0, 0))
        chosen.forEach(({ begin }, index) => {
          const before = timed[timed.findIndex(({ task }) => task === chosen[index]!.task) - 1]!
          const from = drafts[index - 1]?.place ?? 0
          expect(begin - before.done).toBeGreaterThanOrEqual(Math.abs(from - drafts[index]!.place))
        })
      }),
      { numRuns: 150 },
    )
  })
})
