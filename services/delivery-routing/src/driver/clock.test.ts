import { expect, it } from 'vitest'
import { clockSkewMs, leastSkewMs, momentOf } from './clock.ts'

const at = (clock: string) => new Date(`2026-06-10T${clock}:00Z`)
const bounds = { earliest: at('08:00'), latest: at('12:00') }

it.each([
  ['as it was recorded', '10:00', null, '10:00'],
  ['corrected by a clock that is an hour ahead', '11:00', -3_600_000, '10:00'],
  ['corrected by a clock that is an hour behind', '09:00', 3_600_000, '10:00'],
  ['not before the start', '07:00', null, '08:00'],
  ['not after the report came', '15:00', null, '12:00'],
] as const)('a moment is %s', (_, occurred, skew, expected) => {
  expect(momentOf({ occurredAt: at(occurred), clockSkewMs: skew }, bounds)).toEqual(at(expected))
})

it('a clock is known by when the phone sent, or at least by an event from the future', () => {
  expect(clockSkewMs(at('13:00'), at('12:00'))).toBe(-3_600_000)
  expect(clockSkewMs(null, at('12:00'))).toBeNull()
  expect(leastSkewMs(at('12:30'), at('12:00'))).toBe(-1_800_000)
  expect(leastSkewMs(at('11:30'), at('12:00'))).toBeNull()
})
