/** What a report says of when: the phone's own time, and how far its clock is off where that is known. */
export type PhoneTime = { occurredAt: Date; clockSkewMs: number | null }

/**
 * How much has to be added to the phone's clock to get ours: from the moment at which the phone sent its batch, less
 * the way here, which nobody knows and which is short against an error that matters.
 */
export function clockSkewMs(sentAt: Date | null, receivedAt: Date): number | null {
  return sentAt === null ? null : receivedAt.getTime() - sentAt.getTime()
}

/**
 * The moment by our clock, as well as it is known. Nothing happens before the route was started or after the report
 * came, whatever the phone's clock says.
 */
export function momentOf(
  { occurredAt, clockSkewMs: skew }: PhoneTime,
  bounds: { earliest: Date | null; latest: Date },
): Date {
  const corrected = occurredAt.getTime() + (skew ?? 0)
  const earliest = bounds.earliest?.getTime() ?? 0
  return new Date(Math.min(bounds.latest.getTime(), Math.max(earliest, corrected)))
}

/** What an event tells by itself: a phone that is ahead of us is ahead by at least so much. */
export function leastSkewMs(occurredAt: Date, receivedAt: Date): number | null {
  const ahead = occurredAt.getTime() - receivedAt.getTime()
  return ahead > 0 ? -ahead : null
}
