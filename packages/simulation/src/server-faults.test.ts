import { serviceNames } from '@urbanbloom/local/programs'
import { expect, test } from 'vitest'
import { type Breakable, playServerFaults, type ServerFaultName } from './server-faults.ts'

/** Writes down what is done to it, and ends the play after so many turns. */
function recorder(turns: number) {
  const done: string[] = []
  const stopping = new AbortController()
  const note = (words: string) => {
    done.push(words)
    return Promise.resolve()
  }
  const system: Breakable = {
    kill: (program) => note(`kill ${program}`),
    start: (program) => note(`start ${program}`),
    redis: { stop: () => note('stop redis'), start: () => note('start redis') },
  }
  const named: ServerFaultName[] = []
  const play = (names: readonly ServerFaultName[], awayMs = 1) =>
    playServerFaults(system, names, {
      pauseMs: 1,
      awayMs,
      stop: stopping.signal,
      onTurn: (name) => {
        named.push(name)
        if (named.length === turns) stopping.abort()
      },
    })
  return { done, named, play, stopping }
}

test('faults take turns, services too, and each is mended before the next', async () => {
  const { done, named, play } = recorder(2 * serviceNames.length)
  await play(['killed-services', 'redis-gone'])
  expect(named.slice(0, 3)).toEqual(['killed-services', 'redis-gone', 'killed-services'])
  const expected = serviceNames.flatMap((name) => [
    `kill ${name}`,
    `start ${name}`,
    'stop redis',
    'start redis',
  ])
  expect(done).toEqual(expected)
})

test('what is away when the time is over is brought back', async () => {
  const { done, play } = recorder(1)
  await play(['provider-away'], 600_000)
  expect(done).toEqual(['kill payment-sandbox', 'start payment-sandbox'])
})
