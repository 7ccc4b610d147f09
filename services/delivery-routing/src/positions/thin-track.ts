import type { Point } from '../geo.ts'
import type { Fix } from './fix.ts'

/** How far the track that is kept may be from where the van was. */
export const TOLERANCE_METERS = 15
/** A van that stands is written down this often. */
const STANDING_MS = 120_000
const METERS_PER_DEGREE = 111_195

/**
 * What of a batch to keep, given the point that was kept last: the batch's path thinned by the method of Douglas and
 * Peucker (Algorithms for the reduction of the number of points required to represent a digitized line, 1973), and
 * nothing while the van stands. Points older than the last one kept came late and are thinned by themselves.
 */
export function thinTrack(kept: Fix | null, fixes: readonly Fix[]): Fix[] {
  if (kept === null) return simplify(fixes)
  const late = simplify(fixes.filter(({ at }) => at < kept.at))
  const fresh = fixes.filter(({ at }) => at > kept.at)
  const last = fresh.at(-1)
  if (last === undefined) return late
  const isStanding = fresh.every((fix) => metersBetween(kept, fix) <= TOLERANCE_METERS)
  if (isStanding && last.at - kept.at < STANDING_MS) return late
  return [...late, ...simplify([kept, ...fresh]).slice(1)]
}

/** The ends, and of what is between as few as the tolerance allows. */
function simplify(fixes: readonly Fix[]): Fix[] {
  const keep = new Set([0, fixes.length - 1])
  const open: [number, number][] = [[0, fixes.length - 1]]
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const farthest = farthestFrom(fixes, span)
    if (farthest === null) continue
    keep.add(farthest)
    open.push([span[0], farthest], [farthest, span[1]])
  }
  return fixes.filter((_, index) => keep.has(index))
}

/** The point between the two that is farthest from the line, where that is farther than tolerated. */
function farthestFrom(fixes: readonly Fix[], [first, last]: [number, number]): number | null {
  const [from, to] = [fixes[first], fixes[last]]
  if (from === undefined || to === undefined) return null
  let farthest: number | null = null
  let most = TOLERANCE_METERS
  for (let index = first + 1; index < last; index += 1) {
    const distance = metersToSegment(fixes[index] as Fix, from, to)
    if (distance <= most) continue
    farthest = index
    most = distance
  }
  return farthest
}

function metersBetween(a: Point, b: Point): number {
  return metersToSegment(a, b, b)
}

/** On a plane that touches the earth at `point`, which is exact enough for the few kilometres of a batch. */
export function metersToSegment(point: Point, from: Point, to: Point): number {
  const scale = Math.cos((point.latitude * Math.PI) / 180)
  const x = (each: Point) => (each.longitude - point.longitude) * scale * METERS_PER_DEGREE
  const y = (each: Point) => (each.latitude - point.latitude) * METERS_PER_DEGREE
  const [ax, ay, bx, by] = [x(from), y(from), x(to), y(to)]
  const length = (bx - ax) ** 2 + (by - ay) ** 2
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, -(ax * (bx - ax) + ay * (by - ay)) / length))
  return Math.hypot(ax + along * (bx - ax), ay + along * (by - ay))
}
