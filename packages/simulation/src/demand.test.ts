import { expect, test } from 'vitest'
import { createChance } from './chance.ts'
import { hoursToNextVisit, ordersPerHourAt } from './demand.ts'
import { profiles } from './profiles.ts'

test('the hours of a day add up to its orders', () => {
  for (const profile of [profiles.calm, profiles.full, profiles.tenfold]) {
    const hours = Array.from({ length: 24 }, (_, hour) => ordersPerHourAt(profile, hour))
    expect(hours.reduce((sum, orders) => sum + orders)).toBeCloseTo(profile.ordersPerDay)
  }
})

test('a surge multiplies its own hours and no others', () => {
  const { surges, ...quiet } = profiles.newspaper
  const usual = { ...quiet, surges: [] }
  expect(ordersPerHourAt(profiles.newspaper, 9)).toBeCloseTo(20 * ordersPerHourAt(usual, 9))
  expect(ordersPerHourAt(profiles.newspaper, 11)).toBe(ordersPerHourAt(usual, 11))
  expect(surges).toHaveLength(1)
})

test('visitors come as often as the profile says, and most of them in the evening', () => {
  const chance = createChance(7)
  const byHour = Array.from({ length: 24 }, () => 0)
  const days = 4
  for (let hours = 0; ; ) {
    const fromHour = hours % 24
    hours += hoursToNextVisit(profiles.full, { fromHour, visitsPerOrder: 3, random: chance.next })
    if (hours >= 24 * days) break
    byHour[Math.floor(hours % 24)]! += 1
  }
  const visits = byHour.reduce((sum, count) => sum + count)
  // Four standard deviations of a Poisson count.
  const expected = 3 * profiles.full.ordersPerDay * days
  expect(Math.abs(visits - expected)).toBeLessThan(4 * Math.sqrt(expected))
  expect(byHour.indexOf(Math.max(...byHour))).toBe(19)
})
