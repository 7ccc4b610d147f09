import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distanceMeters } from '../geo.ts'
import { filterFixes } from './filter-fixes.ts'
import type { Fix } from './fix.ts'

const now = Date.UTC(2026, 5, 10, 12)
const speedMaxMps = 56

const fix = (secondsAgo: number, changes: Partial<Fix> = {}): Fix => ({
  at: now - secondsAgo * 1000,
  latitude: 33.75,
  longitude: -84.35,
  accuracyMeters: 5,
  speedMps: null,
  headingDegrees: null,
  ...changes,
})
/** So many metres to the north. */
const north = (meters: number) => ({ latitude: 33.75 + meters / 111_195 })

const filter = (fixes: Fix[], previous: Fix | null = null, seen: ReadonlySet<number> = new Set()) =>
  filterFixes(fixes, { previous, seen, now, speedMaxMps })
const whys = (fixes: Fix[], previous: Fix | null = null) =>
  filter(fixes, previous).rejected.map(({ why }) => why)

describe('a position is ignored that', () => {
  it.each([
    ['out_of_range', fix(0, { latitude: 90.1 })],
    ['out_of_range', fix(0, { longitude: -180.1 })],
    ['out_of_range', fix(0, { latitude: 0, longitude: 0 })],
    ['out_of_range', fix(0, { at: Number.NaN })],
    ['inaccurate', fix(0, { accuracyMeters: 201 })],
    ['from_future', fix(-61)],
    ['too_old', fix(24 * 3_600 + 1)],
    ['impossible_speed', fix(0, { speedMps: 57 })],
  ])('is %s', (why, given) => {
    expect(whys([given])).toEqual([why])
  })

  it('was sent before, in this batch or as the last one', () => {
    expect(whys([fix(1), fix(1), fix(1)])).toEqual(['duplicate', 'duplicate'])
    expect(whys([fix(1)], fix(1))).toEqual(['duplicate'])
    const again = filter([fix(9), fix(8), fix(1)], fix(1), new Set([fix(9).at, fix(8).at]))
    expect(again.rejected.map(({ why }) => why)).toEqual(['duplicate', 'duplicate', 'duplicate'])
  })

  it('no van could have reached, its errors considered', () => {
    expect(whys([fix(10), fix(0, north(10 * 56 + 11))])).toEqual(['impossible_speed'])
    expect(whys([fix(10), fix(0, north(10 * 56 + 9))])).toEqual([])
    expect(whys([fix(0, north(2_000))], fix(10))).toEqual(['impossible_speed'])
  })
})

it('a van that a wrong position put elsewhere comes back', () => {
  const wrong = fix(600, north(20_000))
  expect(whys([fix(599), fix(100)], wrong)).toEqual(['impossible_speed'])
})

it('what waited for a signal is not measured against what came meanwhile', () => {
  const last = fix(0, north(5_000))
  const late = [fix(1_000), fix(990, north(100))]
  expect(filter(late, last).accepted).toEqual(late)
})

const anyFix: fc.Arbitrary<Fix> = fc.record({
  at: fc.integer({ min: -100_000, max: 200 }).map((seconds) => now + seconds * 1000),
  latitude: fc.double({ min: 33.7, max: 33.8, noNaN: true }),
  longitude: fc.double({ min: -84.4, max: -84.3, noNaN: true }),
  accuracyMeters: fc.double({ min: 0, max: 300, noNaN: true }),
  speedMps: fc.option(fc.double({ min: 0, max: 80, noNaN: true })),
  headingDegrees: fc.constant(null),
})

it('what is accepted is in order, possible to drive, and a function of the set; nothing is lost', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyFix, { maxLength: 30, selector: ({ at }) => at }),
      fc.option(anyFix),
      (fixes, previous) => {
        const { accepted, rejected } = filter(fixes, previous)
        expect(accepted.length + rejected.length).toBe(fixes.length)
        expect(filter(fixes.toReversed(), previous)).toEqual({ accepted, rejected })
        for (const [index, each] of accepted.entries()) {
          const before = accepted[index - 1]
          if (before === undefined) continue
          const seconds = (each.at - before.at) / 1000
          expect(seconds).toBeGreaterThan(0)
          expect(distanceMeters(before, each)).toBeLessThanOrEqual(
            seconds * speedMaxMps + before.accuracyMeters + each.accuracyMeters + 1e-6,
          )
        }
        expect(filter(accepted, null).rejected).toEqual([])
      },
    ),
  )
})
