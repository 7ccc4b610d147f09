/** A leg to a stop and the time at the stop. */
export type Visit = { legSeconds: number; serviceSeconds: number; windowStart: Date }

/** When the driver can begin at each stop, one after the other: who comes before the window waits for it. */
export function timetable(departure: Date, visits: readonly Visit[]): Date[] {
  let clock = departure.getTime()
  return visits.map(({ legSeconds, serviceSeconds, windowStart }) => {
    const begin = Math.max(clock + legSeconds * 1000, windowStart.getTime())
    clock = begin + serviceSeconds * 1000
    return new Date(begin)
  })
}
