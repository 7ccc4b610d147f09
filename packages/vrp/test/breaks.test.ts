import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { Break, Stop, Vehicle } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const lunch: Break = { id: 'lunch', timeWindows: [[40, 60]], serviceSeconds: 30 }

const plan = (stops: readonly Stop[], van: Partial<Vehicle>) => {
  const problem = lineProblem(stops, [vehicle('van', van)])
  const solution = solve(problem, { maxIterations: 50 })
  expect(checkSolution(problem, solution)).toEqual([])
  return solution
}

test('a break interrupts driving: the vehicle drives until it starts and goes on afterwards', () => {
  const { routes } = plan([stopAt(90, { timeWindows: [[0, 120]] })], { breaks: [lunch] })
  expect(routes[0]?.breaks).toMatchObject([{ id: 'lunch', afterStops: 0 }])
  expect(routes[0]?.stops[0]?.arrivalSeconds).toBeLessThanOrEqual(120)
  expect(routes[0]).toMatchObject({ durationSeconds: 210, travelSeconds: 180 })
})

test('a break waits for the end of a service', () => {
  const long = stopAt(10, { timeWindows: [[10, 10]], serviceSeconds: 45 })
  const { routes } = plan([long], { breaks: [lunch] })
  expect(routes[0]?.breaks).toEqual([{ id: 'lunch', startSeconds: 55, endSeconds: 85, afterStops: 1 }])
  expect(routes[0]?.endSeconds).toBe(95)
})

test('a stop whose service covers the whole time of a break is left out', () => {
  const endless = stopAt(10, { timeWindows: [[10, 10]], serviceSeconds: 100 })
  expect(plan([endless], { breaks: [lunch] }).unassigned).toEqual([
    {
      id: 's10',
      reason: 'shift',
      detail: 'The closest vehicle, van, cannot take its breaks with this stop alone.',
    },
  ])
})

test('a break may take any of its windows, and several breaks keep their order', () => {
  const breaks: Break[] = [
    {
      id: 'first',
      timeWindows: [
        [0, 5],
        [70, 80],
      ],
      serviceSeconds: 10,
    },
    { id: 'second', timeWindows: [[0, 500]], serviceSeconds: 10 },
  ]
  const { routes } = plan([stopAt(50, { timeWindows: [[50, 50]] })], { breaks })
  expect(routes[0]?.breaks.map(({ id }) => id)).toEqual(['first', 'second'])
  expect(routes[0]?.breaks[0]?.startSeconds).toBe(70)
})

test('a break takes shift time, and a vehicle without stops takes none', () => {
  const van = { breaks: [lunch], shift: [0, 129] as const }
  expect(plan([stopAt(50)], van).unassigned).toMatchObject([{ reason: 'shift' }])
  expect(plan([stopAt(50)], { ...van, shift: [0, 130] }).routes[0]?.endSeconds).toBe(130)
  expect(plan([], van).routes).toEqual([])
})

test('time that is paid for includes breaks and waiting for them', () => {
  const costs = { fixed: 0, perMeter: 0, perSecond: 1 }
  const { cost } = plan([stopAt(10, { timeWindows: [[0, 20]] })], { breaks: [lunch], costs })
  // Served at 20 and back at 30, the van waits ten seconds for its break.
  expect(cost).toBe(10 + 10 + 10 + 30)
})

test('locked stops that leave no room for a break make it late', () => {
  const endless = stopAt(10, { serviceSeconds: 100 })
  const { routes } = plan([endless], { breaks: [lunch], lockedStops: ['s10'] })
  expect(routes[0]?.stops).toHaveLength(1)
  expect(routes[0]?.breaks).toHaveLength(1)
})
