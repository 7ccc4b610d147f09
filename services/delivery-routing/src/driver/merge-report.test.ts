import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mergeReport, type StopState } from './merge-report.ts'
import type { StopReport } from './stop-report.ts'

const pending: StopState = { status: 'pending', arrivedAt: null, completedAt: null, outcomeKey: null }

/** The same moments often, so that ids have to decide. */
const minute = fc.integer({ min: 0, max: 5 }).map((minutes) => new Date(Date.UTC(2026, 5, 10, 12, minutes)))

const report: fc.Arbitrary<StopReport> = fc
  .record({ occurredAt: minute, at: minute, type: fc.constantFrom('arrive', 'deliver', 'fail') })
  .map(({ type, ...key }) => {
    // One id means one report, as `clientEventId` does.
    const recorded = { ...key, eventId: `${type}-${key.occurredAt.getMinutes()}-${key.at.getMinutes()}` }
    switch (type) {
      case 'arrive':
        return { ...recorded, type }
      case 'deliver':
        return {
          ...recorded,
          type,
          proof: { kind: 'code', code: '1' },
          leftAtDoor: false,
          undelivered: null,
          codeReason: null,
        }
      case 'fail':
        return { ...recorded, type, reason: 'other', code: 'other', note: null }
    }
  })

function merged(reports: readonly StopReport[]): StopState {
  return reports.reduce((state, each) => mergeReport(state, each).state, pending)
}

it('any order and any repetition of the same reports give the same state', () => {
  fc.assert(
    fc.property(
      fc
        .array(report, { maxLength: 8 })
        .chain((reports) =>
          fc.tuple(
            fc.constant(reports),
            fc.shuffledSubarray([...reports, ...reports], { minLength: reports.length * 2 }),
          ),
        ),
      ([reports, shuffled]) => {
        expect(merged(shuffled)).toEqual(merged(reports))
      },
    ),
    { numRuns: 1_000 },
  )
})

it('a report that is known changes nothing and says so', () => {
  fc.assert(
    fc.property(fc.array(report, { minLength: 1, maxLength: 8 }), (reports) => {
      const state = merged(reports)
      for (const each of reports) {
        expect(mergeReport(state, each)).toEqual({ state, arrivalIsNew: false, outcomeIsNew: false })
      }
    }),
  )
})

it('the state only ever rises, and the outcome is of the report that occurred first', () => {
  const ranks = ['pending', 'arrived', 'failed', 'delivered']
  fc.assert(
    fc.property(fc.array(report, { maxLength: 8 }), (reports) => {
      const states = reports.map((_, index) => merged(reports.slice(0, index + 1)))
      const given = states.map(({ status }) => ranks.indexOf(status))
      expect(given).toEqual(given.toSorted((a, b) => a - b))
      const last = merged(reports)
      const outcomes = reports.filter(
        ({ type }) => type === (last.status === 'delivered' ? 'deliver' : 'fail'),
      )
      const first = Math.min(...outcomes.map(({ occurredAt }) => occurredAt.getTime()))
      if (last.outcomeKey !== null) expect(last.outcomeKey.occurredAt.getTime()).toBe(first)
    }),
  )
})
