import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../src/compile-model.ts'
import { Neighbours, proximity, roundTrip } from '../src/neighbours.ts'
import { lineProblem, stopAt, vehicle } from './problems.ts'

test('lists the nearest stops in order, the stop itself first', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(100), { minLength: 1 }),
      fc.integer({ min: 1, max: 40 }),
      (places, most) => {
        const model = compileModel(
          lineProblem(
            places.map((place) => stopAt(place)),
            [vehicle('van')],
          ),
        )
        const neighbours = new Neighbours(model, most, roundTrip)
        for (const [stop, place] of places.entries()) {
          const distances = [...neighbours.of(stop)].map((other) => Math.abs(places[other]! - place))
          const expected = places.map((other) => Math.abs(other - place)).toSorted((a, b) => a - b)
          expect(distances).toEqual(expected.slice(0, most))
        }
      },
    ),
  )
})

test('a stop that goes well before or behind another is nearer than one in whose windows it cannot', () => {
  const stops = [
    stopAt(50, { timeWindows: [[100, 110]] }),
    stopAt(51, { timeWindows: [[900, 910]] }),
    stopAt(60, { timeWindows: [[110, 130]] }),
  ]
  const model = compileModel(lineProblem(stops, [vehicle('van')]))
  expect([...new Neighbours(model, 3, proximity).of(0)]).toEqual([0, 2, 1])
})
