import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Fix } from './fix.ts'
import { metersToSegment, TOLERANCE_METERS, thinTrack } from './thin-track.ts'

/** A van's way in metres from a corner of Inman Park, a fix each second. */
function track(way: readonly (readonly [number, number])[]): Fix[] {
  const scale = Math.cos((33.75 * Math.PI) / 180)
  return way.map(([east, north], second) => ({
    at: second * 1000,
    latitude: 33.75 + north / 111_195,
    longitude: -84.35 + east / 111_195 / scale,
    accuracyMeters: 5,
    speedMps: null,
    headingDegrees: null,
  }))
}

/** As batches come in, with what was kept carried on between them. */
function thinInBatches(fixes: readonly Fix[], size: number): Fix[] {
  const kept: Fix[] = []
  for (let first = 0; first < fixes.length; first += size) {
    kept.push(...thinTrack(kept.at(-1) ?? null, fixes.slice(first, first + size)))
  }
  return kept
}

function metersToTrack(fix: Fix, kept: readonly Fix[]): number {
  const distances = kept.map((each, index) => metersToSegment(fix, each, kept[index + 1] ?? each))
  return Math.min(...distances)
}

it('a straight road needs its ends, a corner one point more', () => {
  const road = track(Array.from({ length: 100 }, (_, second) => [second * 10, 0]))
  expect(thinTrack(null, road)).toEqual([road[0], road[99]])
  const turn = track(
    Array.from({ length: 101 }, (_, second) => [Math.min(second, 50) * 10, Math.max(0, second - 50) * 10]),
  )
  expect(thinTrack(null, turn)).toEqual([turn[0], turn[50], turn[100]])
})

it('a van that stands is written down every two minutes', () => {
  const standing = track(Array.from({ length: 600 }, (_, second) => [second % 5, 0]))
  const kept = thinInBatches(standing, 20)
  expect(kept.length).toBeLessThanOrEqual(6)
  expect(kept.length).toBeGreaterThanOrEqual(4)
})

it('what came late is thinned by itself and changes nothing of what is kept', () => {
  const way = track(Array.from({ length: 60 }, (_, second) => [second * 10, 0]))
  const kept = way[40] as Fix
  expect(thinTrack(kept, way.slice(0, 20))).toEqual([way[0], way[19]])
  expect(thinTrack(kept, way.slice(30, 50)).at(-1)).toEqual(way[49])
})

it('no position is farther from the thinned track than the tolerance, however the batches are cut', () => {
  const step = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 }))
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 120 }),
      fc.integer({ min: 1, max: 30 }),
      (steps, size) => {
        let [east, north] = [0, 0]
        const fixes = track(
          steps.map(([dx, dy]) => {
            east += dx
            north += dy
            return [east, north] as const
          }),
        )
        const kept = thinInBatches(fixes, size)
        for (const fix of fixes) expect(metersToTrack(fix, kept)).toBeLessThanOrEqual(TOLERANCE_METERS * 1.01)
        expect(kept.map(({ at }) => at)).toEqual(kept.map(({ at }) => at).toSorted((a, b) => a - b))
      },
    ),
  )
})
