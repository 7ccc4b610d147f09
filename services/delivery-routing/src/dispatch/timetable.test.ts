import fc from 'fast-check'
import { expect, it } from 'vitest'
import { timetable } from './timetable.ts'

const at = (clock: string) => new Date(`2026-06-10T${clock}Z`)

it('drives, waits for the window, serves, and drives on', () => {
  const begins = timetable(at('08:00:00'), [
    { legSeconds: 600, serviceSeconds: 180, windowStart: at('08:00:00') },
    { legSeconds: 60, serviceSeconds: 180, windowStart: at('10:00:00') },
    { legSeconds: 120, serviceSeconds: 180, windowStart: at('08:00:00') },
  ])
  expect(begins).toEqual([at('08:10:00'), at('10:00:00'), at('10:05:00')])
})

it('never begins before the window, before the drive is over, or before the stop ahead is served', () => {
  const visit = fc.record({
    legSeconds: fc.nat({ max: 7_200 }),
    serviceSeconds: fc.nat({ max: 3_600 }),
    windowStart: fc.nat({ max: 80_000 }).map((seconds) => new Date(seconds * 1000)),
  })
  fc.assert(
    fc.property(fc.nat({ max: 80_000 }), fc.array(visit, { maxLength: 12 }), (start, visits) => {
      let free = start * 1000
      for (const [index, begin] of timetable(new Date(free), visits).entries()) {
        const { legSeconds, serviceSeconds, windowStart } = visits[index] ?? visits[0]!
        const reached = free + legSeconds * 1000
        expect(begin.getTime()).toBe(Math.max(reached, windowStart.getTime()))
        free = begin.getTime() + serviceSeconds * 1000
      }
    }),
  )
})
