import { expect, it } from 'vitest'
import { imageTypeOf } from '../src/image-type.ts'

it.each([
  ['image/jpeg', [0xff, 0xd8, 0xff, 0xe0, 0, 16]],
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]],
  ['image/webp', [...Buffer.from('RIFF\0\0\0\0WEBPVP8 ')]],
  [null, [...Buffer.from('RIFF\0\0\0\0WAVEfmt ')]],
  [null, [...Buffer.from('GIF89a')]],
  [null, [...Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')]],
  [null, [0xff, 0xd8]],
  [null, []],
])('%s', (type, bytes) => {
  expect(imageTypeOf(Uint8Array.from(bytes))).toBe(type)
})
