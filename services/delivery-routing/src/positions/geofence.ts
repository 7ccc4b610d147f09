import { distanceMeters, type Point } from '../geo.ts'
import type { Fix } from './fix.ts'

const APPROACHING_METERS = 500
const REACHED_METERS = 75
/** Faster than this, a van passes by. */
const REACHED_SPEED_MAX_MPS = 4

/** The stop that a van is on its way to, and what was told of it already. */
export type NextStop = Point & { isApproached: boolean; isReached: boolean }

export type Crossing = 'approaching' | 'reached'

/** Which fences around its next stop a van is inside of for the first time. Both are hints: only a driver arrives. */
export function crossedFences(stop: NextStop, fix: Fix): Crossing[] {
  const distance = distanceMeters(stop, fix)
  const isNear = distance <= REACHED_METERS + fix.accuracyMeters / 2
  const stands = fix.speedMps === null || fix.speedMps <= REACHED_SPEED_MAX_MPS
  return [
    ...(!stop.isApproached && distance <= APPROACHING_METERS ? (['approaching'] as const) : []),
    ...(!stop.isReached && isNear && stands ? (['reached'] as const) : []),
  ]
}
