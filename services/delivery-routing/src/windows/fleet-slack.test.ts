import fc from 'fast-check'
import { expect, it } from 'vitest'
import { distanceMeters } from '../geo.ts'
import { createFleetSlack, type VanDay, type Visit } from './fleet-slack.ts'

const hub = { latitude: 33.75, longitude: -84.35 }
const HOUR = 3_600

const visit = fc
  .record({
    north: fc.double({ min: -0.08, max: 0.08, noNaN: true }),
    east: fc.double({ min: -0.08, max: 0.08, noNaN: true }),
    hour: fc.constantFrom(8, 10, 12),
    weightGrams: fc.integer({ min: 1, max: 9 }),
    skills: fc.constantFrom<string[]>([], [], ['upright']),
  })
  .map(
    ({ north, east, hour, weightGrams, skills }): Visit => ({
      point: { latitude: hub.latitude + north, longitude: hub.longitude + east },
      legSeconds: null,
      serviceSeconds: 600,
      open: hour * HOUR,
      close: (hour + 1) * HOUR,
      weightGrams,
      volumeMilliliters: 1,
      skills,
    }),
  )

const van = (skills: string[] = ['upright']): VanDay => ({
  start: 7 * HOUR,
  end: 13 * HOUR,
  capacity: { weightGrams: 30, volumeMilliliters: 100 },
  skills,
  visits: [],
})

/** Whether a van can serve visits in this order, step by step. */
function canDrive({ start, end, capacity, skills: has, visits }: VanDay): boolean {
  let clock = start
  let place = hub
  for (const { point, open, close, serviceSeconds, skills } of visits) {
    if (!skills.every((skill) => has.includes(skill))) return false
    clock = Math.max(clock + seconds(place, point), open)
    if (clock > close) return false
    clock += serviceSeconds
    place = point
  }
  const weight = visits.reduce((sum, { weightGrams }) => sum + weightGrams, 0)
  return clock + seconds(place, hub) <= end && weight <= capacity.weightGrams
}

function seconds(from: typeof hub, to: typeof hub): number {
  return (distanceMeters(from, to) * 1.3) / 7
}

it('whatever it puts in can be driven, and it says no only where no position can', () => {
  const property = fc.property(
    fc.array(visit, { maxLength: 25 }),
    fc.integer({ min: 1, max: 3 }),
    (given, count) => {
      const slack = createFleetSlack(
        hub,
        Array.from({ length: count }, (_, index) => van(index === 0 ? [] : ['upright'])),
      )
      for (const each of given) {
        const before = slack.vans()
        const possible = before.some((one) =>
          Array.from({ length: one.visits.length + 1 }, (_, at) => one.visits.toSpliced(at, 0, each)).some(
            (visits) => canDrive({ ...one, visits }),
          ),
        )
        expect(slack.fits(each)).toBe(possible)
        expect(slack.add(each)).toBe(possible)
        expect(slack.vans().every(canDrive)).toBe(true)
      }
    },
  )
  fc.assert(property, { numRuns: 150 })
})
