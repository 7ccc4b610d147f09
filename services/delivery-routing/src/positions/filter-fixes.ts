import { distanceMeters } from '../geo.ts'
import type { Fix } from './fix.ts'

export const rejections = [
  'out_of_range',
  'inaccurate',
  'too_old',
  'from_future',
  'duplicate',
  'impossible_speed',
] as const
export type Rejection = (typeof rejections)[number]

export type Filtered = {
  /** In the order of their time. */
  accepted: Fix[]
  rejected: { fix: Fix; why: Rejection }[]
}

/** Indoors a phone guesses; a fix that is this vague would move the van across town. */
const ACCURACY_MAX_METERS = 200
const FUTURE_MAX_MS = 60_000
const AGE_MAX_MS = 24 * 3_600_000

/**
 * Tells the positions that can be true from those that cannot. `previous` is the last one that was accepted before;
 * a batch may be older than that, when it waited for a signal. `seen` are the
 * times of those that came lately. A fix is judged by how fast the van would have had to
 * be since the one before it, with both errors in the van's favour; where the one before was wrong, time makes the
 * next ones possible again.
 */
export function filterFixes(
  fixes: readonly Fix[],
  known: { previous: Fix | null; seen: ReadonlySet<number>; now: number; speedMaxMps: number },
): Filtered {
  const { previous, seen, now, speedMaxMps } = known
  const filtered: Filtered = { accepted: [], rejected: [] }
  for (const fix of fixes.toSorted((a, b) => a.at - b.at)) {
    const before = filtered.accepted.at(-1) ?? null
    const why =
      implausible(fix, now, speedMaxMps) ??
      (seen.has(fix.at) ? 'duplicate' : null) ??
      contradiction(fix, before, speedMaxMps) ??
      (previous !== null && fix.at >= previous.at && (before === null || before.at < previous.at)
        ? contradiction(fix, previous, speedMaxMps)
        : null)
    if (why === null) filtered.accepted.push(fix)
    else filtered.rejected.push({ fix, why })
  }
  return filtered
}

function implausible(fix: Fix, now: number, speedMaxMps: number): Rejection | null {
  const { at, latitude, longitude, accuracyMeters, speedMps } = fix
  const inRange = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && !Number.isNaN(at)
  // A phone that has no fix yet reports the point where equator and prime meridian meet.
  if (!inRange || (latitude === 0 && longitude === 0)) return 'out_of_range'
  if (accuracyMeters > ACCURACY_MAX_METERS) return 'inaccurate'
  if (at > now + FUTURE_MAX_MS) return 'from_future'
  if (at < now - AGE_MAX_MS) return 'too_old'
  return speedMps !== null && speedMps > speedMaxMps ? 'impossible_speed' : null
}

function contradiction(fix: Fix, before: Fix | null, speedMaxMps: number): Rejection | null {
  if (before === null) return null
  if (fix.at === before.at) return 'duplicate'
  const possible = ((fix.at - before.at) / 1000) * speedMaxMps + fix.accuracyMeters + before.accuracyMeters
  return distanceMeters(before, fix) > possible ? 'impossible_speed' : null
}
