import { expect, test } from 'vitest'
import { dayAt, momentOf } from './hub-time.ts'

const zone = 'America/New_York'

test('the day is the hub’s, not the day in UTC', () => {
  const lateEvening = new Date('2026-03-01T03:30:00Z')
  expect(dayAt(lateEvening, zone)).toBe('2026-02-28')
  expect(dayAt(lateEvening, zone, 1)).toBe('2026-03-01')
})

test('an hour of the day is found in winter, in summer and on the days when clocks change', () => {
  expect(momentOf('2026-01-15', 8, zone).toISOString()).toBe('2026-01-15T13:00:00.000Z')
  expect(momentOf('2026-07-15', 8, zone).toISOString()).toBe('2026-07-15T12:00:00.000Z')
  expect(momentOf('2026-03-08', 8, zone).toISOString()).toBe('2026-03-08T12:00:00.000Z')
  expect(momentOf('2026-11-01', 8, zone).toISOString()).toBe('2026-11-01T13:00:00.000Z')
  expect(momentOf('2026-03-08', 0, zone).toISOString()).toBe('2026-03-08T05:00:00.000Z')
})
