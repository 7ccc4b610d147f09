import { expect, it } from 'vitest'
import { addDays, datesBetween, localDateAt } from './local-date.ts'

it('knows the day of a place', () => {
  const moment = new Date('2026-06-10T03:30:00Z')
  expect(localDateAt(moment, 'America/New_York')).toBe('2026-06-09')
  expect(localDateAt(moment, 'UTC')).toBe('2026-06-10')
  expect(localDateAt(moment, 'Pacific/Kiritimati')).toBe('2026-06-10')
  expect(localDateAt(new Date('2026-06-09T10:30:00Z'), 'Pacific/Kiritimati')).toBe('2026-06-10')
})

it('counts days over months, years and changes of the clocks', () => {
  expect(addDays('2026-02-28', 1)).toBe('2026-03-01')
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01')
  expect(datesBetween('2026-03-07', '2026-03-09')).toEqual(['2026-03-07', '2026-03-08', '2026-03-09'])
  expect(datesBetween('2026-03-07', '2026-03-06')).toEqual([])
})
