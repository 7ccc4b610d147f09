/** When something is driven: what matters is the hour of the day in the hub's time zone. */
export type TravelPeriod = { from: Date; to: Date; timeZone: string }

/** Average speed in town by the hour of the day, 0 to 23: slow at rush hours. */
const KILOMETERS_PER_HOUR = [
  38, 38, 38, 38, 38, 36, 32, 24, 22, 26, 28, 28, 27, 28, 27, 25, 22, 20, 23, 28, 32, 34, 36, 38,
] as const
const HOUR_MS = 3_600_000
/** Longer periods than this are cut: every hour of the day is in it twice. */
const HOURS_MAX = 48
/** What a road network's own times are taken to hold for: the mean of the hours from 8 to 20. */
const USUAL_KILOMETERS_PER_HOUR = 25

/** The mean time for one kilometer over the hours of the period, as a speed in m/s. */
export function averageSpeed(period: TravelPeriod): number {
  const hours = hoursOf(period)
  const hoursPerKilometer = hours.reduce((sum, hour) => sum + 1 / speedAt(hour), 0)
  return hours.length / hoursPerKilometer / 3.6
}

/**
 * How much longer than usual a leg takes in this period, for times that know streets and no traffic. Never less
 * than 1: an empty street makes nobody faster than it allows.
 */
export function trafficFactor(period: TravelPeriod): number {
  return Math.max(1, USUAL_KILOMETERS_PER_HOUR / 3.6 / averageSpeed(period))
}

/** How long a leg takes at `moment`, in proportion to what it takes on average over `period`. */
export function paceAt(moment: Date, period: TravelPeriod): number {
  return averageSpeed(period) / averageSpeed({ from: moment, to: moment, timeZone: period.timeZone })
}

/** The hour of the day, 0 to 23, by the clocks of the time zone. */
export function localHour(moment: Date | number, timeZone: string): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' })
    formats.set(timeZone, format)
  }
  return Number(format.format(moment)) % 24
}

/** As many as there are time zones of hubs. Making one takes longer than a hundred uses of it. */
const formats = new Map<string, Intl.DateTimeFormat>()

/** The hour of each moment of the period that is a whole number of hours after its start; at least the first. */
function hoursOf({ from, to, timeZone }: TravelPeriod): number[] {
  const hours: number[] = []
  const end = Math.min(Math.max(to.getTime(), from.getTime() + 1), from.getTime() + HOURS_MAX * HOUR_MS)
  for (let moment = from.getTime(); moment < end; moment += HOUR_MS) hours.push(localHour(moment, timeZone))
  return hours
}

function speedAt(hour: number): number {
  return KILOMETERS_PER_HOUR[hour] ?? KILOMETERS_PER_HOUR[0]
}
