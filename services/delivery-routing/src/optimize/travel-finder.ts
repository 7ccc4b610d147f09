import { createGreatCircleTimes, type TravelTimes } from '../travel/travel-times.ts'
import { epochMs, type TravelAnswer } from './optimize-job.ts'

type Points = readonly { latitude: number; longitude: number }[]
export type TravelFinder = (points: Points, deadlineAt: number) => Promise<TravelAnswer>

const DAY_MS = 24 * 3_600_000
/** What the search must have left of the time that a request may take. */
const SHARE_FOR_TRAVEL = 0.5

/**
 * Finds travel times for a request without matrices. VROOM's time axis has no date, so they are those of a whole day.
 * Where the configured source takes half of the request's time, great circles take its place.
 */
export function createTravelFinder(travelTimes: TravelTimes): TravelFinder {
  const plain = createGreatCircleTimes()
  const period = { from: new Date(0), to: new Date(DAY_MS), timeZone: 'UTC' }
  return async (points, deadlineAt) => {
    const late = Promise.withResolvers<null>()
    const timer = setTimeout(late.resolve, Math.max(0, deadlineAt - epochMs()) * SHARE_FOR_TRAVEL, null)
    try {
      const configured = travelTimes.matrix(points, period)
      const inTime = await Promise.race([configured, late.promise])
      configured.catch(() => undefined)
      const { durationsSeconds, distancesMeters } = inTime ?? (await plain.matrix(points, period))
      return { durations: durationsSeconds, distances: distancesMeters }
    } catch {
      return { failed: true }
    } finally {
      clearTimeout(timer)
    }
  }
}
