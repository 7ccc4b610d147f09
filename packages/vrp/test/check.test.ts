import { expect, test } from 'vitest'
import { checkSolution } from '../src/check.ts'
import type { Vehicle } from '../src/problem.ts'
import type { Route, RouteStop, Solution } from '../src/solution.ts'
import { solve } from '../src/solve.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

const problem = lineProblem(
  [
    stopAt(10, { timeWindows: [[0, 100]], skills: ['cold'], demand: [6] }),
    stopAt(20, { timeWindows: [[0, 100]], demand: [4] }),
    stopAt(30, { demand: [11] }),
  ],
  [vehicle('van', { skills: ['cold'], maxStops: 2 }), vehicle('idle')],
)
const right = solve(problem, { maxIterations: 10 })
const route = right.routes[0]!

const withRoute = (change: Partial<Route>): Solution => ({ ...right, routes: [{ ...route, ...change }] })
const withFirstStop = (change: Partial<RouteStop>) =>
  withRoute({ stops: route.stops.map((stop, index) => (index === 0 ? { ...stop, ...change } : stop)) })

test('finds nothing wrong with a right solution', () => {
  expect(route.stops).toHaveLength(2)
  expect(checkSolution(problem, right)).toEqual([])
})

test.each<[string, Solution, RegExp]>([
  ['a stop dropped', withRoute({ stops: route.stops.slice(1) }), /appears 0 times/],
  ['a stop served twice', withRoute({ stops: [...route.stops, route.stops[0]!] }), /appears 2 times/],
  ['an unknown stop', withFirstStop({ id: 'x' }), /unknown stop x/],
  ['an unknown vehicle', withRoute({ vehicleId: 'x' }), /unknown vehicle x/],
  ['a vehicle without the skill', withRoute({ vehicleId: 'idle' }), /lacks the skill cold/],
  ['two routes of one vehicle', { ...right, routes: [route, route] }, /two routes/],
  ['a wrong arrival', withFirstStop({ arrivalSeconds: 0 }), /arrives at/],
  ['a service before the arrival', withFirstStop({ startServiceSeconds: 0 }), /not ready before/],
  ['a service outside the windows', withFirstStop({ startServiceSeconds: 101 }), /outside its windows/],
  ['a wrong waiting time', withFirstStop({ waitingSeconds: 1 }), /waits 0 s/],
  ['a wrong departure', withFirstStop({ departureSeconds: 1 }), /departs wrongly/],
  ['a start before the shift', withRoute({ startSeconds: -1 }), /before its shift/],
  ['a wrong end', withRoute({ endSeconds: 7 }), /ends at .*, not 7/],
  ['a wrong duration', withRoute({ durationSeconds: 7 }), /duration/],
  ['a wrong distance', withRoute({ distanceMeters: 7 }), /distance is 7/],
  ['a wrong cost of a route', withRoute({ cost: 7 }), /cost is 7/],
  ['a wrong total cost', { ...right, cost: 7 }, /cost is 7/],
  ['a wrong load', withRoute({ load: [7] }), /load 0 is 7/],
  [
    'a wrong reason',
    { ...right, unassigned: [{ id: 's30', reason: 'shift', detail: '' }] },
    /should be capacity/,
  ],
])('finds %s', (_, solution, message) => {
  expect(checkSolution(problem, solution).join('\n')).toMatch(message)
})

test.each([
  ['overloaded', { capacity: [9] }, /carries 10/],
  ['on the road for too many stops', { maxStops: 1 }, /serves 2 stops/],
  ['out after its shift', { shift: [0, 30] as const }, /after its shift/],
  ['without its locked stop first', { lockedStops: ['s30'] }, /locked stop s30/],
])('finds a vehicle %s', (_, change, message) => {
  const changed = { ...problem, vehicles: [{ ...problem.vehicles[0]!, ...change }, problem.vehicles[1]!] }
  expect(checkSolution(changed, right).join('\n')).toMatch(message)
})

test('finds breaks, shipments, driving and changes that are wrong', () => {
  const rich = {
    ...problem,
    stops: [
      stopAt(10, { demand: [0], announced: { vehicleId: 'van', position: 0 } }),
      stopAt(20, { demand: [0] }),
    ],
    vehicles: [vehicle('van', { breaks: [{ id: 'tea', timeWindows: [[15, 30]], serviceSeconds: 5 }] })],
    shipments: [{ pickupStop: 's10', deliveryStop: 's20', amount: [3] }],
    changePrices: { otherVehicle: 4, otherPosition: 2, tolerance: 0 },
  }
  const solution = solve(rich, { maxIterations: 10 })
  const [only] = solution.routes
  expect(checkSolution(rich, solution)).toEqual([])
  const say = (change: Partial<Route>, changed = rich) =>
    checkSolution(changed, { ...solution, routes: [{ ...only!, ...change }] }).join('\n')
  const [tea] = only!.breaks
  expect(say({ breaks: [] })).toMatch(/takes the breaks \[\], should take \[tea\]/)
  expect(say({ breaks: [{ ...tea!, startSeconds: 14 }] })).toMatch(/tea at 14, outside its windows/)
  expect(say({ breaks: [{ ...tea!, endSeconds: 99 }] })).toMatch(/ends the break tea wrongly/)
  expect(say({ stops: only!.stops.toReversed() })).toMatch(/s20 comes before s10/)
  expect(say({ stops: only!.stops.slice(0, 1) })).toMatch(/not on one route/)
  expect(say({ load: [0] })).toMatch(/load 0 is 0, should be 3/)
  expect(say({ travelSeconds: 1 })).toMatch(/drives 40 s, not 1 s/)
  expect(say({ changeCost: 1 })).toMatch(/changes cost 1, should be 0/)
  const limited = (change: Partial<Vehicle>) => ({ ...rich, vehicles: [{ ...rich.vehicles[0]!, ...change }] })
  expect(checkSolution(limited({ maxMeters: 399 }), solution).join()).toMatch(/may drive 399 m/)
  expect(checkSolution(limited({ maxTravelSeconds: 39 }), solution).join()).toMatch(/may drive 39 s/)
  expect(checkSolution(limited({ capacity: [2] }), solution).join()).toMatch(/carries 3/)
})

test('finds a stop on a vehicle that may not serve it, and a locked route that is missing', () => {
  const stops = problem.stops.map((stop) => ({ ...stop, vehicleIds: ['idle'] }))
  expect(checkSolution({ ...problem, stops }, right).join('\n')).toMatch(/may not serve stop s10/)
  const vehicles = [problem.vehicles[0]!, { ...problem.vehicles[1]!, lockedStops: ['s30'] }]
  expect(checkSolution({ ...problem, vehicles }, right).join('\n')).toMatch(/locked stops but no route/)
})
