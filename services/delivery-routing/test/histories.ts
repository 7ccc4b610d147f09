import fc from 'fast-check'

export const STOPS_PER_RUN = 2

/** What happened at a stop, by a clock that is right. */
export type Happening = {
  type: 'arrive' | 'deliver' | 'fail'
  minutesAgo: number
  stop: number
  device: 0 | 1
  detail: 'a' | 'b'
  proof: 'signature' | 'code' | 'file' | 'inline'
}

/** The clock of a phone: how far it is off, and whether the phone says when it sends, so that we can know. */
export type Clock = { offsetMinutes: number; tells: boolean }

/** How one of two histories of the same events goes: in which order, what twice, where a batch ends and at which process. */
export type Schedule = { order: number[]; cuts: boolean[]; processes: number[] }

const happening: fc.Arbitrary<Happening> = fc.record({
  type: fc.constantFrom('arrive', 'deliver', 'fail'),
  minutesAgo: fc.integer({ min: -5, max: 5 }),
  stop: fc.integer({ min: 0, max: STOPS_PER_RUN - 1 }),
  device: fc.constantFrom(0, 1),
  detail: fc.constantFrom('a', 'b'),
  proof: fc.constantFrom('signature', 'code', 'file', 'inline'),
})

const clock: fc.Arbitrary<Clock> = fc.record({
  offsetMinutes: fc.constantFrom(0, 60, -60, 3, -3),
  tells: fc.boolean(),
})

const schedule = (events: number): fc.Arbitrary<Schedule> =>
  fc.record({
    order: fc
      .tuple(
        fc.shuffledSubarray([...Array(events).keys()], { minLength: events }),
        fc.array(fc.integer({ min: 0, max: events - 1 }), { maxLength: 4 }),
      )
      .map(([all, again]) => [...all, ...again]),
    cuts: fc.array(fc.boolean(), { minLength: events + 4, maxLength: events + 4 }),
    processes: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: events + 4, maxLength: events + 4 }),
  })

/** Events of two phones, and two courses that they can take. */
export const twoHistories = fc.array(happening, { minLength: 1, maxLength: 7 }).chain((events) =>
  fc.record({
    events: fc.constant(events),
    clocks: fc.tuple(clock, clock),
    one: schedule(events.length),
    other: schedule(events.length),
  }),
)
