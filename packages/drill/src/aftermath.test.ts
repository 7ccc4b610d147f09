import { expect, test } from 'vitest'
import { gapsOf } from './aftermath.ts'

const seen = (...events: [event: string, id?: number][]) => ({
  events: events.map(([event, id]) => ({ event, id: id === undefined ? undefined : String(id), data: {} })),
})

test('a stream that is resumed after each event it has seen misses nothing', () => {
  expect(gapsOf(seen(['ready', 3], ['route', 4], ['route', 5], ['ready', 5], ['route', 6]))).toEqual([])
  expect(gapsOf(seen(['ready', 0]))).toEqual([])
})

test('an event that is missing, doubled, or given up for lost is told', () => {
  expect(gapsOf(seen(['ready', 3], ['route', 5]))).toEqual(["a driver's stream went from event 3 to 5"])
  expect(gapsOf(seen(['ready', 3], ['route', 4], ['ready', 3], ['route', 4]))).toEqual([
    "a driver's stream went from event 4 to 4",
  ])
  expect(gapsOf(seen(['ready', 3], ['route', 4], ['resync'], ['route', 5]))).toEqual([
    "a driver's stream lost events 1 times",
  ])
})
