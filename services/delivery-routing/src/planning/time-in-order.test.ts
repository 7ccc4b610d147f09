import type { Problem } from '@urbanbloom/vrp/problem'
import { solve } from '@urbanbloom/vrp/solve'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFeasible, timeInOrder } from './time-in-order.ts'

const HOUR = 3_600

/** One van, stops on a line, and breaks of half an hour. */
function problemOf(stops: { at: number; open: number }[], breaks: number[] = []): Problem {
  const places = [0, ...stops.map(({ at }) => at)]
  const legs = Int32Array.from(places.flatMap((a) => places.map((b) => Math.abs(a - b))))
  return {
    locationCount: places.length,
    durationsSeconds: legs,
    distancesMeters: legs,
    stops: stops.map(({ open }, index) => ({
      id: String(index),
      location: index + 1,
      serviceSeconds: 300,
      demand: [1],
      timeWindows: [[open * HOUR, (open + 2) * HOUR]],
    })),
    vehicles: [
      {
        id: 'van',
        startLocation: 0,
        endLocation: 0,
        capacity: [100],
        shift: [7 * HOUR, 22 * HOUR],
        costs: { fixed: 10, perMeter: 0.05, perSecond: 0.9 },
        breaks: breaks.map((hour, index) => ({
          id: String(index),
          timeWindows: [[hour * HOUR, (hour + 2) * HOUR]],
          serviceSeconds: 1_800,
        })),
      },
    ],
  }
}

describe('the times of stops in a given order', () => {
  it('are those of the optimizer, with breaks and without', () => {
    const stops = fc.array(
      fc.record({ at: fc.integer({ min: 30, max: 2_400 }), open: fc.constantFrom(8, 10, 12, 14, 16) }),
      { minLength: 1, maxLength: 8 },
    )
    const breaks = fc.constantFrom<number[]>([], [11], [9, 14], [12])
    const property = fc.property(stops, breaks, (given, pauses) => {
      const problem = problemOf(given, pauses)
      const [route] = solve(problem, { maxIterations: 30 }).routes
      fc.pre(route !== undefined)
      const timed = timeInOrder(
        problem,
        problem.vehicles[0]!,
        route.stops.map(({ id }) => id),
      )
      expect(timed).toMatchObject({
        endSeconds: route.endSeconds,
        distanceMeters: route.distanceMeters,
        load: route.load,
      })
      // The optimizer knows every way to lay the breaks, and so may leave later.
      expect(timed!.startSeconds).toBeLessThanOrEqual(route.startSeconds)
      if (pauses.length === 0) expect(timed!.startSeconds).toBe(route.startSeconds)
      if (pauses.length === 0) expect(timed!.cost).toBeCloseTo(route.cost, 3)
      expect(timed!.breaks).toHaveLength(pauses.length)
      expect(isFeasible(problem, problem.vehicles[0]!, timed!)).toBe(true)
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('show what is late, and leave no later because of it', () => {
    const problem = problemOf([
      { at: 600, open: 12 },
      { at: 600, open: 8 },
    ])
    const van = problem.vehicles[0]!
    const timed = timeInOrder(problem, van, ['0', '1'])!
    expect(timed.stops.map(({ startServiceSeconds }) => startServiceSeconds)).toEqual([
      12 * HOUR,
      12 * HOUR + 300,
    ])
    expect(isFeasible(problem, van, timed)).toBe(false)
    expect(timed.startSeconds).toBe(12 * HOUR - 600)
  })

  it('put a break where it fits nowhere all the same', () => {
    const problem = problemOf([{ at: 600, open: 18 }], [3])
    expect(timeInOrder(problem, problem.vehicles[0]!, ['0'])!.breaks).toHaveLength(1)
  })
})
