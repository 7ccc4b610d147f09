import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkSolution } from '../src/check.ts'
import { solve } from '../src/solve.ts'
import { readSolomon, SCALE } from './solomon.ts'

const USAGE = `Usage: node bench/run.ts <folder> [--seconds 1,10] [--seeds 1] [--only C101,R1] [--vehicles n]
The folder holds instances in Solomon's format (*.txt) and bks.json: {"C101": {"cost": 827.3}, ...}.
Seconds are CPU seconds of the one thread that searches, so that a busy machine gives the same table.`

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    vehicles: { type: 'string' },
  },
})
const folder = positionals[0]
if (!folder) throw new Error(USAGE)
const bestKnown = JSON.parse(readFileSync(join(folder, 'bks.json'), 'utf8')) as Record<
  string,
  { cost: number }
>
const prefixes = values.only.toUpperCase().split(',')
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.txt') && prefixes.some((prefix) => file.toUpperCase().startsWith(prefix)))
  .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))

for (const seconds of values.seconds.split(',').map(Number)) {
  const gaps: number[] = []
  console.log(
    `\n${'instance'.padEnd(12)}${'best known'.padStart(12)}${'cost'.padStart(12)}${'gap %'.padStart(8)}`,
  )
  for (const file of files) {
    const vehicles = values.vehicles === undefined ? {} : { vehicles: Number(values.vehicles) }
    const { name, problem } = readSolomon(readFileSync(join(folder, file), 'utf8'), vehicles)
    const target = bestKnown[name]?.cost
    if (target === undefined) throw new Error(`bks.json has no cost for ${name}`)
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const solution = solve(problem, { timeLimitMs: seconds * 1_000, seed, now: cpuMs })
      const wrong = checkSolution(problem, solution)
      if (wrong.length > 0) throw new Error(`${name}: ${wrong.join('; ')}`)
      const cost = solution.cost / SCALE
      const gap = 100 * (cost / target - 1)
      gaps.push(gap)
      const note = `${solution.iterations} iterations, ${solution.routes.length} routes, ${solution.unassigned.length} left out`
      console.log(
        `${name.padEnd(12)}${target.toFixed(1).padStart(12)}${cost.toFixed(1).padStart(12)}${gap.toFixed(2).padStart(8)}  ${note}, ${Math.round(solution.elapsedMs)} ms`,
      )
    }
  }
  const mean = gaps.reduce((total, gap) => total + gap, 0) / gaps.length
  console.log(`${seconds} s, one thread: mean gap ${mean.toFixed(2)} % over ${gaps.length} runs`)
}
