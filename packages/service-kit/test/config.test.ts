import { expect, test } from 'vitest'
import { count, httpUrl, port, readEnvironment, secret } from '../src/config.ts'

const shape = { PORT: port, PEER_URL: httpUrl, TOKEN: secret, POOL: count.default(10) }

test('every problem is listed at once, and no value of a secret', () => {
  const read = () => readEnvironment({ PORT: 'eighty', PEER_URL: '', TOKEN: 'too-short-secret' }, shape)
  expect(read).toThrow(
    /^The configuration cannot be used: PORT: .*; PEER_URL is not set; TOKEN: must have at least 32 characters$/,
  )
  expect(read).not.toThrow(/too-short-secret/)
})

test('an empty variable counts as unset, and defaults apply', () => {
  const env = { PORT: '8080', PEER_URL: 'http://peer', TOKEN: 't'.repeat(32), POOL: '' }
  expect(readEnvironment(env, shape)).toEqual({
    PORT: 8080,
    PEER_URL: 'http://peer',
    TOKEN: 't'.repeat(32),
    POOL: 10,
  })
})
