import { expect, test } from 'vitest'
import { editDistance, nearest } from './correct-spelling.ts'

test.each([
  ['fern', 'fern', 0],
  ['fren', 'fern', 1],
  ['photos', 'pothos', 2],
  ['pohtos', 'pothos', 1],
  ['orkid', 'orchid', 2],
  ['', 'fern', 4],
  ['fern', '', 4],
  ['cactus', 'cacti', 2],
])('from %s to %s it takes %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
})

test('takes the nearest word, the first among equals, and none that is far', () => {
  expect(nearest('plam', ['plant', 'palm', 'plum'])).toBe('palm')
  expect(nearest('fxrn', ['fern', 'fawn'])).toBe('fern')
  expect(nearest('aloe', ['basil', 'monstera'])).toBeUndefined()
  expect(nearest('abcd', ['abef'])).toBeUndefined()
})
