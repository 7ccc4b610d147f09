import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { checkSolution } from '../src/check.ts'
import { solve } from '../src/solve.ts'
import { listInstances, readInstance } from './instances.ts'
import { formatRun, HEADING, type Run, summarise } from './table.ts'

const USAGE = `Usage: node bench/run.ts <folder> [--seconds 1,10] [--seeds 1] [--only C101,R1] [--vehicles n]
                                 [--out runs.jsonl] [--compare earlier.jsonl]
The folder holds instances in Solomon's format (*.txt) or CVRPLIB's (*.vrp), and their best known costs in bks.json:
{"C101": {"cost": 827.3}, ...} or in *.sol files. --compare shows what the same runs gave in an earlier file.
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
    out: { type: 'string' },
    compare: { type: 'string' },
  },
})
const folder = positionals[0]
if (!folder) throw new Error(USAGE)
if (values.compare && !existsSync(values.compare)) throw new Error(`${values.compare} does not exist`)
const earlier = (values.compare ? readFileSync(values.compare, 'utf8').trim().split('\n') : []).map(
  (line) => JSON.parse(line) as Run,
)
const files = listInstances(folder, values.only.split(','))
if (files.length === 0) throw new Error(`${folder} holds no instance that --only allows`)

for (const seconds of values.seconds.split(',').map(Number)) {
  console.log(`\n${HEADING}`)
  const runs: Run[] = []
  for (const file of files) {
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const run = runOnce(file, seconds, seed)
      runs.push(run)
      console.log(formatRun(run, earlier))
      if (values.out) appendFileSync(values.out, `${JSON.stringify(run)}\n`)
    }
  }
  console.log(`\n${summarise(runs, earlier)}`)
}

function runOnce(file: string, seconds: number, seed: number): Run {
  const vehicles = values.vehicles === undefined ? undefined : Number(values.vehicles)
  const { name, family, problem, scale, bestKnown } = readInstance(folder!, file, vehicles)
  const solution = solve(problem, { timeLimitMs: seconds * 1_000, seed, now: cpuMs })
  const wrong = checkSolution(problem, solution)
  if (wrong.length > 0) throw new Error(`${name}: ${wrong.join('; ')}`)
  const cost = solution.cost / scale
  return {
    name,
    family,
    seconds,
    seed,
    bestKnown,
    cost,
    gapPercent: 100 * (cost / bestKnown - 1),
    iterations: solution.iterations,
    routes: solution.routes.length,
    leftOut: solution.unassigned.length,
    elapsedMs: Math.round(solution.elapsedMs),
  }
}
