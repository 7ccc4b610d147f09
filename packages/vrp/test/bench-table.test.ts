import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { plotRoutes } from '../bench/plot-routes.ts'
import { readSolomon } from '../bench/solomon.ts'
import { type Run, sparkline, summarise } from '../bench/table.ts'
import { solve } from '../src/solve.ts'

const run = (rest: Partial<Run>): Run => ({
  name: 'R101',
  family: 'R1',
  seconds: 1,
  seed: 1,
  bestKnown: 100,
  cost: 101,
  gapPercent: 1,
  iterations: 5,
  routes: 2,
  leftOut: 0,
  elapsedMs: 1_000,
  ...rest,
})

test('bars fall with the gap, from 20 % and more to 0.1 % and less', () => {
  expect(sparkline([50, 20, 5, 1, 0.1, 0, -1])).toBe('██▆▄▁▁▁')
})

test('a family has its median, its worst and its course, beside those of an earlier file', () => {
  const runs = [
    run({ gapPercent: 3, gaps: [20, 1] }),
    run({ seed: 2, gapPercent: 1, gaps: [20, 1] }),
    run({ name: 'C101', family: 'C1', gapPercent: 0 }),
  ]
  const rows = summarise(runs, [run({ gapPercent: 2 })]).split('\n')
  expect(rows[2]).toBe('| R1 | 2 | 2.00 | 3.00 | 3.00 | █▄ | 2.00 |')
  expect(rows[3]).toBe('| C1 | 1 | 0.00 | 0.00 | 0.00 |  |  |')
  expect(rows[4]).toContain('| all, 1 s | 3 | 1.33 |')
})

test('a plot draws every route and stop', () => {
  const text = readFileSync(new URL('fixtures/C101-25.txt', import.meta.url), 'utf8')
  const instance = readSolomon(text)
  const solution = solve(instance.problem, { maxIterations: 20 })
  const picture = plotRoutes(instance, solution)
  expect(picture.match(/<polyline/g)).toHaveLength(solution.routes.length)
  expect(picture.match(/<circle/g)).toHaveLength(25)
  expect(picture).not.toMatch(/NaN|undefined/)
})
