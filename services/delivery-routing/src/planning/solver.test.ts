import { checkSolution } from '@urbanbloom/vrp/check'
import type { Problem } from '@urbanbloom/vrp/problem'
import { afterAll, expect, it } from 'vitest'
import { createGreatCircleTimes } from '../travel/travel-times.ts'
import { createSolver } from './solver.ts'

const solver = createSolver()
const impatient = createSolver({ graceMs: 0 })
afterAll(() => Promise.all([solver.close(), impatient.close()]))

async function problemOf(stops: number): Promise<Problem> {
  const points = Array.from({ length: stops + 1 }, (_, index) => ({
    latitude: 33.75 + Math.sin(index * 2.4) * 0.05,
    longitude: -84.35 + Math.cos(index * 1.7) * 0.05,
  }))
  const noon = new Date('2026-06-10T16:00:00Z')
  const matrix = await createGreatCircleTimes().matrix(points, { from: noon, to: noon, timeZone: 'UTC' })
  return {
    locationCount: matrix.count,
    durationsSeconds: matrix.durationsSeconds,
    distancesMeters: matrix.distancesMeters,
    stops: Array.from({ length: stops }, (_, index) => ({
      id: `${index}`,
      location: index + 1,
      serviceSeconds: 60,
      demand: [1],
      timeWindows: [[0, 86_400] as const],
    })),
    vehicles: Array.from({ length: 5 }, (_, index) => ({
      id: `van ${index}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [1_000],
      shift: [0, 86_400] as const,
      costs: { fixed: 0, perMeter: 1, perSecond: 1 },
    })),
  }
}

it('solves in a thread and ends by its limit', async () => {
  const problem = await problemOf(150)
  const solution = await solver.solve(problem, 300)
  expect(checkSolution(problem, solution)).toEqual([])
  expect(solution.elapsedMs).toBeLessThan(1_500)
})

it('ends a thread that outlives its deadline', async () => {
  const start = performance.now()
  await expect(impatient.solve(await problemOf(900), 1)).rejects.toThrow('aborted')
  expect(performance.now() - start).toBeLessThan(5_000)
})
