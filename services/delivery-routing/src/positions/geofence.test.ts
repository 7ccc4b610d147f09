import { expect, it } from 'vitest'
import { crossedFences } from './geofence.ts'

const stop = { latitude: 33.75, longitude: -84.35, isApproached: false, isReached: false }
const away = (meters: number, speedMps: number | null = 2) => ({
  at: 0,
  latitude: 33.75 + meters / 111_195,
  longitude: -84.35,
  accuracyMeters: 10,
  speedMps,
  headingDegrees: null,
})

it.each([
  [510, 2, []],
  [490, 12, ['approaching']],
  [85, 2, ['approaching']],
  [70, 12, ['approaching']],
  [70, 3, ['approaching', 'reached']],
  [70, null, ['approaching', 'reached']],
] as const)('%i m away at %s m/s: %j', (meters, speed, crossings) => {
  expect(crossedFences(stop, away(meters, speed))).toEqual(crossings)
})

it('each fence is crossed once', () => {
  expect(crossedFences({ ...stop, isApproached: true }, away(300))).toEqual([])
  expect(crossedFences({ ...stop, isApproached: true, isReached: true }, away(10))).toEqual([])
})
