import { expect, test } from 'vitest'
import { createWatch, dueOf, judge, punctualityOf } from './punctuality.ts'
import { createTally } from './tally.ts'

const at = (nowHours: number) => ({ date: '2026-04-02', timeZone: 'America/New_York', nowHours })
const window = { start: '2026-04-02T17:00:00Z', end: '2026-04-02T19:00:00Z' }

test.each([
  [9.5, { start: 13, end: 15 }],
  [12, { start: 13, end: 15 }],
  [24 + 10, { start: 37, end: 39 }],
  [12.5, undefined],
  [20, undefined],
])('at %d h of the simulation a window from one to three is due at %j', (nowHours, due) => {
  expect(dueOf(window, at(nowHours))).toEqual(due)
})

test('a van waits for the window, at any speed, and what a van in fast motion loses is nobody’s delay', async () => {
  let now = 10
  const waits: number[] = []
  const clock = {
    hours: () => now,
    waitHours: (amount: number) => {
      waits.push(amount)
      now += amount
      return Promise.resolve(undefined)
    },
  }
  const watch = createWatch(clock)
  // Half an hour's way takes two hours of a clock at 240 times the speed.
  now += 2
  watch.drove({ taken: 2, needed: 0.5 })
  expect(watch.hours()).toBe(10.5)
  // An hour and a half of the wait is over by that, the rest is waited.
  await watch.waitUntil(13)
  expect(waits).toEqual([1])
  expect(watch.hours()).toBe(13)
  await watch.waitUntil(12)
  expect(waits).toEqual([1])
  now += 4
  watch.drove({ taken: 4, needed: 0.5 })
  await watch.waitUntil(14)
  expect([waits, watch.hours()]).toEqual([[1], 14])
  // What a slow system costs is a delay.
  now += 2.5
  expect(watch.hours()).toBe(16.5)
})

test('deliveries are judged by their window, and those without one are not', () => {
  const tally = createTally()
  expect(punctualityOf(tally)).toContain('no delivery')
  for (const hour of [13, 15, 15.1]) judge(tally, { start: 13, end: 15 }, hour)
  judge(tally, undefined, 20)
  expect(punctualityOf(tally)).toContain('66.7 % of 3 deliveries on time')
})
