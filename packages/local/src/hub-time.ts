const MINUTE_MS = 60_000

/** The calendar day (`2026-04-01`) in a time zone at a moment, `daysLater` days on. */
export function dayAt(moment: Date, timeZone: string, daysLater = 0): string {
  const [year = 0, month = 1, day = 1] = new Intl.DateTimeFormat('en-CA', { timeZone })
    .format(moment)
    .split('-')
    .map(Number)
  return new Date(Date.UTC(year, month - 1, day + daysLater)).toISOString().slice(0, 10)
}

/** The moment at which clocks in a time zone show `hour` o'clock on a day. */
export function momentOf(day: string, hour: number, timeZone: string): Date {
  const asUtc = Date.parse(`${day}T00:00:00Z`) + hour * 60 * MINUTE_MS
  // The offset is looked up twice, because the first look may fall on the other side of a clock change.
  const first = asUtc - offsetMs(new Date(asUtc), timeZone)
  return new Date(asUtc - offsetMs(new Date(first), timeZone))
}

/** How far clocks in the zone are ahead of UTC at a moment. */
function offsetMs(moment: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(moment)
  const [year, month, day, hour, minute] = (['year', 'month', 'day', 'hour', 'minute'] as const).map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  ) as [number, number, number, number, number]
  const shown = Date.UTC(year, month - 1, day, hour, minute)
  return shown - Math.floor(moment.getTime() / MINUTE_MS) * MINUTE_MS
}
