/** One run of the solver on one instance: a line of the benchmark's output file. */
export interface Run {
  readonly name: string
  readonly family: string
  readonly seconds: number
  readonly seed: number
  readonly bestKnown: number
  readonly cost: number
  readonly gapPercent: number
  readonly iterations: number
  readonly routes: number
  readonly leftOut: number
  readonly elapsedMs: number
  /** The gap in percent at each twentieth of the time, the first plan's for those before it. */
  readonly gaps?: readonly number[]
}

const BARS = '▁▂▃▄▅▆▇█'
/** A gap of so many percent and more is the highest bar, one of the other and less the lowest; logarithmic between. */
const HIGHEST_GAP = 20
const LOWEST_GAP = 0.1

/** Gaps as a row of bars: how fast the search gets near. */
export function sparkline(gaps: readonly number[]): string {
  const height = Math.log(HIGHEST_GAP / LOWEST_GAP)
  const bars = gaps.map((gap) => {
    const share = Math.log(Math.min(HIGHEST_GAP, Math.max(LOWEST_GAP, gap)) / LOWEST_GAP) / height
    return BARS[Math.round(share * (BARS.length - 1))]
  })
  return bars.join('')
}

function meanCourse(runs: readonly Run[]): number[] {
  const courses = runs.flatMap(({ gaps }) => (gaps ? [gaps] : []))
  return (courses[0] ?? []).map((_, index) => meanOf(courses.map((gaps) => gaps[index]!)))
}

export const HEADING = `${'instance'.padEnd(12)}${'best known'.padStart(12)}${'cost'.padStart(12)}${'gap %'.padStart(8)}`

/** One line for a run, with the gap of the same run in an earlier file where there is one. */
export function formatRun(run: Run, earlier: readonly Run[]): string {
  const before = earlier.find((other) => isSameRun(other, run))
  const change = before ? ` (was ${before.gapPercent.toFixed(2)})` : ''
  const figures = `${run.bestKnown.toFixed(1).padStart(12)}${run.cost.toFixed(1).padStart(12)}${run.gapPercent.toFixed(2).padStart(8)}`
  const note = `${run.iterations} iterations, ${run.routes} routes, ${run.leftOut} left out, ${run.elapsedMs} ms`
  return `${run.name.padEnd(12)}${figures}${change}  ${sparkline(run.gaps ?? [])}  ${note}`
}

/** A table with one row for each family and one for all runs. */
export function summarise(runs: readonly Run[], earlier: readonly Run[]): string {
  const families = [...new Set(runs.map(({ family }) => family))]
  const rows =
    families.length > 1 ? families.map((family) => rowOf(family, runsOf(runs, family), earlier)) : []
  return [
    '| family | runs | mean gap % | median | worst | over time | earlier mean |',
    '|---|---|---|---|---|---|---|',
  ]
    .concat(rows, rowOf(`all, ${runs[0]?.seconds} s`, runs, earlier))
    .join('\n')
}

function rowOf(name: string, runs: readonly Run[], earlier: readonly Run[]): string {
  const gaps = runs.map(({ gapPercent }) => gapPercent).toSorted((a, b) => a - b)
  const before = earlier.filter((other) => runs.some((run) => isSameRun(other, run)))
  const figures = [meanOf(gaps), gaps[Math.floor(gaps.length / 2)]!, gaps.at(-1)!].map((gap) =>
    gap.toFixed(2),
  )
  const was = before.length > 0 ? meanOf(before.map(({ gapPercent }) => gapPercent)).toFixed(2) : ''
  const course = sparkline(meanCourse(runs))
  return `| ${name} | ${runs.length} | ${figures.join(' | ')} | ${course} | ${was} |`
}

function runsOf(runs: readonly Run[], family: string): Run[] {
  return runs.filter((run) => run.family === family)
}

function isSameRun(a: Run, b: Run): boolean {
  return a.name === b.name && a.seconds === b.seconds && a.seed === b.seed
}

function meanOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length
}
