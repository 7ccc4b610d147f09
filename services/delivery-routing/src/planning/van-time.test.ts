import type { Problem } from '@urbanbloom/vrp/problem'
import { solve } from '@urbanbloom/vrp/solve'
import { expect, it } from 'vitest'
import { overLimit, respectVanTime } from './van-time.ts'

const HOUR = 3_600
const COUNT = 5

/** Stops an hour from each other's windows, so that one van does them on one long tour. */
function problemOf(vans: number): Problem {
  const size = COUNT + 1
  const legs = new Int32Array(size * size).fill(300)
  return {
    locationCount: size,
    durationsSeconds: legs,
    distancesMeters: legs,
    stops: Array.from({ length: COUNT }, (_, index) => ({
      id: String(index),
      location: index + 1,
      serviceSeconds: 300,
      demand: [1],
      timeWindows: [[(8 + index) * HOUR, (9 + index) * HOUR]] as const,
    })),
    vehicles: Array.from({ length: vans }, (_, index) => ({
      id: `van ${index}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [10],
      shift: [7 * HOUR, 20 * HOUR] as const,
      costs: { fixed: 100_000, perMeter: 1, perSecond: 1 },
    })),
  }
}

it('moves a stop that would be too long in the van to one that leaves later', () => {
  const problem = problemOf(2)
  const one = solve(problem, { maxIterations: 50 })
  expect(one.routes).toHaveLength(1)
  const limits = { 4: HOUR }
  const kept = respectVanTime(problem, one, limits)
  expect(kept.unassigned).toEqual([])
  expect(kept.routes.map(({ stops }) => stops.length).toSorted((a, b) => a - b)).toEqual([1, 4])
  for (const route of kept.routes) expect(overLimit({}, route, limits)).toEqual([])
  expect(respectVanTime(problem, one, { 4: 12 * HOUR })).toMatchObject({ routes: one.routes })
})

it('leaves it out with the figures where no van can, and alone in a van that keeps plants', () => {
  const problem = problemOf(1)
  const one = solve(problem, { maxIterations: 50 })
  const without = respectVanTime(problem, one, { 4: HOUR })
  expect(without.unassigned).toMatchObject([{ id: '4', detail: expect.stringContaining('they take 60') }])
  expect(without.routes[0]?.stops).toHaveLength(4)
  const [van] = problem.vehicles
  const cooled = { ...problem, vehicles: [{ ...van!, skills: ['climate_controlled'] }] }
  expect(respectVanTime(cooled, one, { 4: HOUR }).unassigned).toEqual([])
})
