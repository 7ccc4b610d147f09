import type { Profile } from './profiles.ts'

/** What share of a day's orders comes in each hour: people buy plants over lunch and after work. */
const weights = [1, 1, 1, 1, 1, 2, 5, 9, 14, 18, 20, 22, 26, 22, 18, 17, 19, 24, 29, 32, 28, 20, 10, 4]
const total = weights.reduce((sum, weight) => sum + weight, 0)

/** Orders wanted in an hour at an hour of the day (0 up to 24). */
export function ordersPerHourAt({ ordersPerDay, surges }: Profile, hourOfDay: number): number {
  const usual = (ordersPerDay * (weights[Math.floor(hourOfDay) % 24] ?? 0)) / total
  return surges
    .filter(({ fromHour, toHour }) => hourOfDay >= fromHour && hourOfDay < toHour)
    .reduce((orders, { times }) => orders * times, usual)
}

/** The most orders that are wanted in any hour. */
export function peakOrdersPerHour(profile: Profile): number {
  return Math.max(...weights.map((_, hour) => ordersPerHourAt(profile, hour)))
}

/**
 * Hours until the next visit of a Poisson process whose rate follows the hour of the day, by thinning (Lewis and
 * Shedler, 1979). `random` gives numbers from 0 up to 1, `visitsPerOrder` is how many people look for one who buys.
 */
export function hoursToNextVisit(
  profile: Profile,
  { fromHour, visitsPerOrder, random }: { fromHour: number; visitsPerOrder: number; random: () => number },
): number {
  const peak = peakOrdersPerHour(profile) * visitsPerOrder
  for (let hours = 0; ; ) {
    hours -= Math.log(1 - random()) / peak
    const rate = ordersPerHourAt(profile, (fromHour + hours) % 24) * visitsPerOrder
    if (random() * peak < rate) return hours
  }
}
