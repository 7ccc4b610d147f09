import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ShiftToPlan } from './day.ts'
import { departureWithRoom, spreadDepartures, staggerStarts } from './loading-slots.ts'

const MINUTE = 60_000
const SEVEN = Date.parse('2026-06-10T11:00:00Z')
const slotOf = (moment: Date) => Math.floor(moment.getTime() / (15 * MINUTE))
const at = (minutes: number) => new Date(SEVEN + minutes * MINUTE)

function shift(id: string, start: number): ShiftToPlan {
  const capacity = { weightGrams: 1, volumeMilliliters: 1 }
  return { id, driverId: id, vehicleId: id, start: at(start), end: at(900), capacity, skills: [], breaks: [] }
}

it('never more vans leave in a slot than the hub can load, and none before its shift or later than it wants', () => {
  const vans = fc.array(fc.record({ start: fc.nat({ max: 90 }), wait: fc.nat({ max: 240 }) }), {
    minLength: 1,
    maxLength: 25,
  })
  const fixed = fc.array(fc.nat({ max: 200 }), { maxLength: 5 })
  const property = fc.property(vans, fixed, fc.integer({ min: 1, max: 4 }), (given, left, perSlot) => {
    const hub = { loadingVansPerSlot: perSlot, loadingSlotMinutes: 15 }
    const gone = left.map(at)
    const shifts = staggerStarts(
      given.map(({ start }, index) => shift(String(index), start)),
      hub,
      gone,
    )
    const wanted = shifts.map(({ id, start }) => {
      const wait = (given[Number(id)]?.wait ?? 0) * MINUTE
      return { shiftId: id, startsAt: new Date(start.getTime() + wait) }
    })
    const { moved, stuck } = spreadDepartures(wanted, shifts, hub, gone)
    expect(stuck.size).toBe(0)
    const leaving = wanted.map(({ shiftId, startsAt }) => moved.get(shiftId) ?? startsAt)
    const free = new Map<number, number>()
    for (const moment of leaving) free.set(slotOf(moment), (free.get(slotOf(moment)) ?? 0) + 1)
    for (const [slot, count] of free) {
      const before = gone.filter((moment) => slotOf(moment) === slot).length
      expect(count).toBeLessThanOrEqual(Math.max(0, perSlot - before))
    }
    for (const [index, moment] of leaving.entries()) {
      expect(moment.getTime()).toBeGreaterThanOrEqual(shifts[index]!.start.getTime())
      expect(moment.getTime()).toBeLessThanOrEqual(wanted[index]!.startsAt.getTime())
    }
  })
  fc.assert(property, { numRuns: 300 })
})

it('a hub that loads any number changes nothing', () => {
  const hub = { loadingVansPerSlot: null, loadingSlotMinutes: 15 }
  const shifts = [shift('a', 0), shift('b', 0)]
  expect(staggerStarts(shifts, hub, [])).toEqual(shifts)
  const departures = shifts.map(({ id, start }) => ({ shiftId: id, startsAt: start }))
  expect(spreadDepartures(departures, shifts, hub, [])).toEqual({ moved: new Map(), stuck: new Set() })
})

it('who finds no slot up to the one it wants, and none before its shift, is named', () => {
  const hub = { loadingVansPerSlot: 1, loadingSlotMinutes: 15 }
  const shifts = [shift('a', 20), shift('b', 0)]
  const departures = shifts.map(({ id }) => ({ shiftId: id, startsAt: at(25) }))
  const { moved, stuck } = spreadDepartures(departures, shifts, hub, [at(16)])
  expect([...stuck]).toEqual(['a'])
  expect([...moved.keys()]).toEqual(['b'])
})

it('a single departure moves to the last slot with room, but not before the van is there', () => {
  const hub = { loadingVansPerSlot: 1, loadingSlotMinutes: 15 }
  const others = [at(50), at(35)]
  expect(departureWithRoom({ wanted: at(65), earliest: at(0) }, hub, others)).toEqual(at(65))
  expect(departureWithRoom({ wanted: at(55), earliest: at(0) }, hub, others)).toEqual(at(29))
  expect(departureWithRoom({ wanted: at(55), earliest: at(30) }, hub, others)).toBeNull()
  const any = { loadingVansPerSlot: null, loadingSlotMinutes: 15 }
  expect(departureWithRoom({ wanted: at(55), earliest: at(30) }, any, others)).toEqual(at(55))
})
