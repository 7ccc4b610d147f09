import { expect, test } from 'vitest'
import { encodePolyline } from './polyline.ts'

test("the example of the format's description", () => {
  expect(
    encodePolyline([
      [-120.2, 38.5],
      [-120.95, 40.7],
      [-126.453, 43.252],
    ]),
  ).toBe('_p~iF~ps|U_ulLnnqC_mqNvxq`@')
})
