import { expect, test } from 'vitest'
import { waitFor } from '../src/wait-for.ts'

test('waits for the first value that counts, through throws and empty answers', async () => {
  const outcomes: (() => unknown)[] = [
    () => false,
    () => undefined,
    () => {
      throw new Error('not there')
    },
    () => 0,
  ]
  let tries = 0
  const value = await waitFor(() => outcomes[tries++]?.(), { describe: 'zero to appear' })
  expect(value).toBe(0)
  expect(tries).toBe(4)
})

test('gives up with what it waited for and what it last saw', async () => {
  const refused = () => Promise.reject(new Error('connection refused'))
  await expect(waitFor(refused, { describe: 'the port to open', timeoutMs: 30 })).rejects.toThrow(
    /Not within 30 ms: the port to open \(at the last try it threw: connection refused\)/,
  )
})
