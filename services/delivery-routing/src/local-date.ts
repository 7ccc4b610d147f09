const DAY_MS = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** The calendar day (`YYYY-MM-DD`) that it is in the time zone at this moment. */
export function localDateAt(moment: Date, timeZone: string): string {
  let format = formats.get(timeZone)
  if (format === undefined) {
    // Swedish dates are written as ISO 8601 writes them.
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
    formats.set(timeZone, format)
  }
  return format.format(moment)
}

/** The calendar day so many days later. It counts days, not hours, so daylight saving does not matter. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** The days from `first` to `last`, both included. */
export function datesBetween(first: string, last: string): string[] {
  const dates: string[] = []
  for (let date = first; date <= last; date = addDays(date, 1)) dates.push(date)
  return dates
}
