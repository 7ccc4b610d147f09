import { expect, test } from 'vitest'
import { InvalidProblemError, type Problem } from '../src/problem.ts'
import { solve } from '../src/solve.ts'
import { validateProblem } from '../src/validate-problem.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

test('lists every fault with its path in one error', () => {
  const problem: Problem = {
    ...lineProblem(
      [
        stopAt(1, { id: 'a', location: 9, serviceSeconds: -1, demand: [1, 2], timeWindows: [] }),
        stopAt(1, { id: 'a', priority: 101, vehicleIds: ['nobody'], setupSeconds: 0.5, demand: [-1] }),
        stopAt(1, {
          id: 'b',
          vehicleIds: ['w'],
          timeWindows: [
            [5, 4],
            [3, 9],
          ],
        }),
      ],
      [
        vehicle('v', {
          startLocation: -1,
          capacity: [1.5],
          shift: [9, 3],
          maxStops: 0,
          lockedStops: ['b', 'c'],
        }),
        vehicle('w', { endLocation: 3, speedFactor: 0, lockedStops: ['b'] }),
        vehicle('w', { costs: { fixed: -1, perMeter: Number.NaN, perSecond: Number.POSITIVE_INFINITY } }),
      ],
      3,
    ),
    distancesMeters: new Int32Array(8),
    durationsSeconds: Int32Array.from([0, 1, 1, 1, 0, 1, -1, 1, 0]),
  }
  const paths = faultPaths(problem)
  expect(paths).toEqual([
    'durationsSeconds[6]',
    'distancesMeters',
    'vehicles[2].id',
    'stops[1].id',
    'vehicles[0].startLocation',
    'vehicles[0].capacity[0]',
    'vehicles[0].shift',
    'vehicles[0].maxStops',
    'vehicles[1].endLocation',
    'vehicles[1].speedFactor',
    'vehicles[2].costs.fixed',
    'vehicles[2].costs.perMeter',
    'vehicles[2].costs.perSecond',
    'stops[0].location',
    'stops[0].serviceSeconds',
    'stops[0].demand',
    'stops[0].timeWindows',
    'stops[1].setupSeconds',
    'stops[1].demand[0]',
    'stops[1].priority',
    'stops[1].vehicleIds[0]',
    'stops[2].timeWindows[0]',
    'stops[2].timeWindows[1]',
    'vehicles[0].lockedStops[0]',
    'vehicles[0].lockedStops[1]',
    'vehicles[1].lockedStops[0]',
  ])
})

test('lists faults of breaks, shipments, limits and announcements', () => {
  const tea = { id: 'tea', timeWindows: [[0, 9] as const], serviceSeconds: 5 }
  const stops = [
    stopAt(1, { id: 'a', demand: [0], announced: { vehicleId: 'nobody', position: -1 } }),
    stopAt(1, { id: 'b', pickup: [1, 2] }),
    stopAt(1, { id: 'c', demand: [0] }),
  ]
  const vehicles = [
    vehicle('v', {
      maxMeters: -1,
      maxTravelSeconds: Number.NaN,
      breaks: [tea, { ...tea, serviceSeconds: -5 }, { ...tea, id: 'noon', timeWindows: [[2_000, 3_000]] }],
      costs: { fixed: 0, perMeter: 0, perSecond: 0, perTravelSecond: -1 },
      lockedStops: ['c'],
    }),
  ]
  const shipments = [
    { pickupStop: 'a', deliveryStop: 'b', amount: [-1] },
    { pickupStop: 'a', deliveryStop: 'x', amount: [] },
    { pickupStop: 'c', deliveryStop: 'c', amount: [1] },
  ]
  const changePrices = { otherVehicle: -1, otherPosition: Number.NaN, tolerance: 0.5 }
  expect(faultPaths({ ...lineProblem(stops, vehicles), shipments, changePrices })).toEqual([
    'vehicles[0].maxTravelSeconds',
    'vehicles[0].maxMeters',
    'vehicles[0].breaks[1].id',
    'vehicles[0].breaks[1].serviceSeconds',
    'vehicles[0].breaks[2]',
    'vehicles[0].costs.perTravelSecond',
    'stops[1].pickup',
    'shipments[0].amount[0]',
    'shipments[0].deliveryStop',
    'shipments[1].amount',
    'shipments[1].deliveryStop',
    'shipments[1].pickupStop',
    'shipments[2].deliveryStop',
    'stops[0].announced.vehicleId',
    'stops[0].announced.position',
    'changePrices.otherVehicle',
    'changePrices.otherPosition',
    'changePrices.tolerance',
  ])
})

test('a shipment is locked as a whole or not at all', () => {
  const stops = [stopAt(1, { id: 'a', demand: [0] }), stopAt(2, { id: 'b', demand: [0] })]
  const shipments = [{ pickupStop: 'a', deliveryStop: 'b', amount: [1] }]
  const faultsOf = (lockedStops: string[]) =>
    faultPaths({ ...lineProblem(stops, [vehicle('v', { lockedStops })]), shipments })
  expect(faultsOf(['a', 'b'])).toEqual([])
  expect(faultsOf(['a'])).toEqual(['shipments[0]'])
  expect(faultsOf(['b', 'a'])).toEqual(['shipments[0]'])
})

test('says which value is wrong and what it must be', () => {
  const problem = lineProblem([stopAt(1, { location: 7 })], [vehicle('v')], 3)
  expect(() => solve(problem)).toThrow(InvalidProblemError)
  expect(() => solve(problem)).toThrow(
    'The routing problem has 1 fault(s):\nstops[0].location: must be a location index from 0 to 2, is 7',
  )
})

test('refuses shifts that lie further apart than the clock of the search reaches', () => {
  const fleet = [vehicle('v', { shift: [0, 10] }), vehicle('w', { shift: [2 ** 40, 2 ** 40 + 10] })]
  expect(faultPaths(lineProblem([], fleet))).toEqual(['vehicles'])
})

function faultPaths(problem: Problem): string[] {
  try {
    validateProblem(problem)
  } catch (error) {
    if (error instanceof InvalidProblemError) return error.faults.map((fault) => fault.path)
    throw error
  }
  return []
}
