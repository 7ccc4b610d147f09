import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Latencies } from './latencies.ts'

test('a percentile is at most five percent above the true one, and never below it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.2, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (times, share) => {
        const latencies = new Latencies()
        for (const ms of times) latencies.add(ms)
        const sorted = times.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(1, Math.ceil(times.length * share)) - 1] as number
        const told = latencies.percentile(share)
        expect(told).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
        expect(told).toBeLessThanOrEqual(exact * 1.05 * (1 + 1e-9))
      },
    ),
  )
})

test('of nothing there is no percentile', () => {
  expect(new Latencies().percentile(0.5)).toBeNaN()
})
