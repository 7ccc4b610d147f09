import { expect, test } from 'vitest'
import type { Stop, Vehicle } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const explain = (stop: Stop, vehicles: readonly Vehicle[], others: readonly Stop[] = []) =>
  solve(lineProblem([stop, ...others], vehicles), { maxIterations: 20 }).unassigned

const withVan = (stop: Partial<Stop>, van: Partial<Vehicle> = {}) =>
  explain(stopAt(50, stop), [vehicle('van', van)])

test('no_vehicle: there is none, or none is allowed', () => {
  expect(explain(stopAt(50), [])).toEqual([
    { id: 's50', reason: 'no_vehicle', detail: 'There are no vehicles.' },
  ])
  expect(withVan({ vehicleIds: [] })).toMatchObject([{ reason: 'no_vehicle' }])
})

test('skills: names what the closest vehicle lacks', () => {
  expect(withVan({ skills: ['cold', 'lift'] }, { skills: ['lift'] })).toEqual([
    {
      id: 's50',
      reason: 'skills',
      detail: 'No allowed vehicle has every skill; the closest, van, lacks cold.',
    },
  ])
})

test('capacity: no vehicle could carry it alone', () => {
  expect(withVan({ demand: [11] })).toEqual([
    {
      id: 's50',
      reason: 'capacity',
      detail: 'The stop needs [11]; the closest vehicle, van, carries [10].',
    },
  ])
})

test('time_window: no vehicle could reach it before its last window ends', () => {
  expect(withVan({ timeWindows: [[0, 49]] })).toEqual([
    {
      id: 's50',
      reason: 'time_window',
      detail: 'The first vehicle, van, could start at 50 s; the last window ends at 49 s.',
    },
  ])
  expect(withVan({ timeWindows: [[0, 50]] })).toEqual([])
  expect(withVan({ timeWindows: [[0, 50]], setupSeconds: 1 })).toMatchObject([{ reason: 'time_window' }])
})

test('shift: a vehicle could reach it but not be back in time', () => {
  expect(withVan({}, { shift: [0, 99] })).toEqual([
    {
      id: 's50',
      reason: 'shift',
      detail: 'The closest vehicle, van, would end its shift 1 s late with this stop alone.',
    },
  ])
  expect(withVan({}, { shift: [0, 100] })).toEqual([])
  expect(withVan({}, { shift: [0, 99], endLocation: null })).toEqual([])
})

test('fleet_full: it would fit alone but others weigh more', () => {
  const others = [stopAt(10, { priority: 1, demand: [10] })]
  expect(explain(stopAt(50), [vehicle('van')], others)).toEqual([
    {
      id: 's50',
      reason: 'fleet_full',
      detail: '1 vehicle could serve this stop alone, but the other stops occupy the fleet.',
    },
  ])
})

test('a vehicle that lacks the skill does not make the reason its own', () => {
  const fleet = [vehicle('small', { skills: ['cold'], capacity: [1] }), vehicle('large')]
  expect(explain(stopAt(50, { skills: ['cold'], demand: [5] }), fleet)).toMatchObject([
    { reason: 'capacity' },
  ])
})
