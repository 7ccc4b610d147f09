import { describe, expect, it } from 'vitest'
import { judge } from './stop-report.ts'

const before = null
const arrived = new Date()

describe('a report of a stop', () => {
  it.each([
    ['pending', before, 'arrive', 'apply'],
    ['arrived', arrived, 'arrive', 'repeat'],
    ['delivered', before, 'arrive', 'apply'],
    ['failed', before, 'arrive', 'apply'],
    ['delivered', arrived, 'arrive', 'repeat'],
    ['pending', before, 'deliver', 'apply'],
    ['arrived', arrived, 'deliver', 'apply'],
    ['delivered', arrived, 'deliver', 'repeat'],
    ['failed', arrived, 'deliver', 'contradict'],
    ['pending', before, 'fail', 'apply'],
    ['failed', before, 'fail', 'repeat'],
    ['delivered', before, 'fail', 'contradict'],
  ] as const)('%s with arrival %s: %s is %s', (status, arrivedAt, type, verdict) => {
    expect(judge({ status, arrivedAt }, { type })).toBe(verdict)
  })
})
