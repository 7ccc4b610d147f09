import { expect, test } from 'vitest'
import { formatValue } from './format-value.ts'

test.each([
  [0.1234, 'percentunit', '12.3%'],
  [0.0421, 's', '42.1 ms'],
  [12.34, 's', '12.3 s'],
  [3_221_225_472, 'bytes', '3 GiB'],
  [1_234_567, 'short', '1.23 Mil'],
  [0.000042, 's', '42 µs'],
  [0, 's', '0 s'],
  [300, 's', '5 mins'],
  [1, 'bool_yes_no', 'Yes'],
  [Number.NaN, 's', 'no data'],
])('%d in %s is %s', (value, unit, words) => {
  expect(formatValue(value, unit)).toBe(words)
})
