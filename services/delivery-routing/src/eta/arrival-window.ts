export type ArrivalWindow = { start: Date; end: Date }

const MINUTE_MS = 60_000
const ROUNDED_TO_MS = 5 * MINUTE_MS

/** How far off the arrival at the next stop is, in any case. */
const NEAR_DEVIATION_MS = 2 * MINUTE_MS
/** What each stop before adds: its leg, its stairs, its customer. */
const STOP_DEVIATION_MS = 3 * MINUTE_MS
/** What a whole stretch of the day may be quicker or slower than expected, because of traffic that day. */
const TRAFFIC_SHARE = 0.09
/** Before the van has left: when it leaves is not certain either. */
const DEPARTURE_DEVIATION_MS = 10 * MINUTE_MS
/** Deviations below and above; what holds a van up is longer than what it can gain. */
const BELOW = 1.6
const ABOVE = 1.9

/**
 * The window that a customer is shown: nine of ten arrivals fall into the one that was shown an hour before. It is as
 * wide as what can still happen, so it grows with the stops ahead and the time until then, and never ends before now.
 */
export function arrivalWindow(
  expected: Date,
  { now, isUnderWay, stopsAhead }: { now: Date; isUnderWay: boolean; stopsAhead: number },
): ArrivalWindow {
  const at = isUnderWay ? Math.max(expected.getTime(), now.getTime()) : expected.getTime()
  const ahead = isUnderWay ? at - now.getTime() : 0
  const deviation = Math.sqrt(
    NEAR_DEVIATION_MS ** 2 +
      stopsAhead * STOP_DEVIATION_MS ** 2 +
      (TRAFFIC_SHARE * ahead) ** 2 +
      (isUnderWay ? 0 : DEPARTURE_DEVIATION_MS ** 2),
  )
  const start = Math.floor((at - BELOW * deviation) / ROUNDED_TO_MS) * ROUNDED_TO_MS
  const end = Math.ceil((at + ABOVE * deviation) / ROUNDED_TO_MS) * ROUNDED_TO_MS
  return { start: new Date(start), end: new Date(end) }
}
